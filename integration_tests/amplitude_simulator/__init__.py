"""An Amplitude of our own, on a loopback port over real sockets, that behaves as Amplitude's documentation says.

`python -m integration_tests.amplitude_simulator --help` starts one by hand.
"""

from integration_tests.amplitude_simulator.faults import Fault
from integration_tests.amplitude_simulator.project import Project
from integration_tests.amplitude_simulator.server import Request, Simulator

__all__ = ["Fault", "Project", "Request", "Simulator"]
