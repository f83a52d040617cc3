"""What the helpdesk decides. Pure: no sockets, tables, clocks or logging; `now` is an argument."""
