"""Scripts that train what ships inside: each is one honest file that can be run again."""
