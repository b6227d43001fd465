"""Check one inventory with several processes: ``verify --jobs N``.

The command's own process is the first of them. It reads the inventory, decides about every login, stores and shows the
results, and climbs itself. The others only climb: they get targets, host by host, and send reports back.

    groups       targets that one process must have together
    crew         all processes as one run; hands, the targets that each of them has
    member       one further process, as the first one has it; process starts it
    worker       the further process itself
    gate         answers a process that wants to log in; asking is the other end of it
    target_form  targets, accounts and settings as JSON; report_form, reports as JSON
    frames       the messages between two processes
"""
