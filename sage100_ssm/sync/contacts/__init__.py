"""What a contact is: its fields, how their values are read and compared, its company."""
