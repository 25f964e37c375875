"""What all of Amplitude's APIs share: hosts, retries, and the words of answers."""
