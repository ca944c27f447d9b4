"""The load: engines that run users and leave samples in the run directory. Retries and open load are here, too.

inside        what runs inside Locust: users, their connections, workers and master
"""
