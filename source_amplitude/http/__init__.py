"""Holds what all of Amplitude's APIs share: hosts, sessions, retries, and the words of answers."""
