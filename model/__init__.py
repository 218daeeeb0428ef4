"""The character LSTM: its vocabulary, its network, how it writes and how it is stored. Read `model/reference.py` first.

Shapes have the same letters everywhere: B streams, T time steps, E embedding, H hidden, L layers, V vocabulary.
Data flows one way: text -> vocabulary -> ids -> network -> logits -> sampling -> ids -> text.
"""

import os

# Torch's threads (OpenMP) keep their cores busy while they wait for each other, by default for a long time. If another
# program needs one of the cores, training then runs at a twentieth of its speed: 300 characters a second in place of
# 7,000, on two cores of an AMD EPYC. With a short wait, training runs at half speed (3,600) beside the other program,
# and at full speed on an idle machine. libgomp reads the variable when torch is loaded. So this file sets the variable,
# and all other packages import this package first.
# https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
    os.environ["GOMP_SPINCOUNT"] = "1000"
