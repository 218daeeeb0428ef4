"""The character LSTM: its vocabulary, its network, how it writes and how it is stored. Read `model/reference.py` first.

Shapes have the same letters everywhere: B streams, T time steps, E embedding, H hidden, L layers, V vocabulary.
Data flows one way: text -> vocabulary -> ids -> network -> logits -> sampling -> ids -> text.
"""

import os

# While torch's threads (OpenMP) wait for each other they keep their cores busy, by default for long. If another program
# needs one of the cores, training then runs at a twentieth of its speed: 300 characters a second in place of 7,000, on
# two cores of an AMD EPYC. With a short wait it runs at half, 3,600, and as fast as ever on an idle machine.
# libgomp reads the variable when torch is loaded. So it is set here, and all other packages import this one first.
# https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
    os.environ["GOMP_SPINCOUNT"] = "1000"
