"""What speaks: SMTP and LMTP in, SMTP and files out, HTTP for health, the clock."""
