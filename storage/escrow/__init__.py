"""Jobs, their safe payments and disputes (E1 to E8): members read what is theirs, the service's rights write.

Who changes a safe payment has locked its case. A job is changed by who has locked its row.
"""
