"""Know the other processes of an app: the parent that serves its pages, the siblings, the jobs."""
