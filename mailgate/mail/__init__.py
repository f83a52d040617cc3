"""What a message is: addresses, MIME, threading ids, automatic mail, reports, tokens. Pure; knows no tickets."""
