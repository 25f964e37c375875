"""The configuration: its values, the form that asks for them, and what is wrong with them."""
