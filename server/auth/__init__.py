"""Who is asking: passwords, sessions, guards, enrolment of devices. Knows nothing of incidents."""
