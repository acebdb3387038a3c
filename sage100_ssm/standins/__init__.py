"""What the product runs on where there is no Sage and no SSM: a sample company database and an SSM API on loopback."""
