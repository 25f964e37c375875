"""An Amplitude of our own, on a loopback port over real sockets, that behaves as Amplitude's documentation says.

`python -m amplitude_simulator --help` starts one by hand.
"""

from amplitude_simulator.faults import Fault
from amplitude_simulator.project import Project
from amplitude_simulator.request import Request
from amplitude_simulator.rest.data import Cohort, RestData
from amplitude_simulator.server import Simulator

__all__ = ["Cohort", "Fault", "Project", "Request", "RestData", "Simulator"]
