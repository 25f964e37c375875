"""An Amplitude of our own, on a loopback port over real sockets, that behaves as Amplitude's documentation says.

`python -m amplitude_simulator --help` starts one by hand.
"""

from amplitude_simulator.faults import Fault
from amplitude_simulator.project import Project
from amplitude_simulator.server import Request, Simulator

__all__ = ["Fault", "Project", "Request", "Simulator"]
