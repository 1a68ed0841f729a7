"""Is a snapshot good enough to serve, and how good are its answers?"""
