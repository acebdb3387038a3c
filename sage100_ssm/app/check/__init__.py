"""`sage100-ssm check`: are both sides ready for the synchronisation, and if not, what has to be mended?"""
