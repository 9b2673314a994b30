"""An exchange on your desk: servers on loopback that speak the venues' protocols.

``world`` is the exchange itself, told the time like everything else; ``flow`` fills it with other
people; ``settlement`` makes its trades final; the servers of each venue are thin doors to it.
Nothing of the trading platform imports this room.
"""
