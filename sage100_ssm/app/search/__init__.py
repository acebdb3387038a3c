"""One search for everybody: who a contact is, whether it is synchronised, and if not, why."""
