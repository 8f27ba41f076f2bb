r"""
Random GAP instances of the classes C, D and E, all of them to be minimised.

=====  ==================================  ============================================  ======================
Class  Resource :math:`a_{ij}`             Cost :math:`c_{ij}`                           Capacity :math:`b_i`
=====  ==================================  ============================================  ======================
C      uniform on 5, …, 25                 uniform on 10, …, 50                          :math:`0.8\,s_i`
D      uniform on 1, …, 100                :math:`111 - a_{ij}` + uniform on −10, …, 10  :math:`0.8\,s_i`
E      :math:`1 - 10 \ln u`, u on (0, 1]   :math:`1000 / a_{ij} - 10 v`, v on [0, 1]     :math:`0.8\,s_i`
=====  ==================================  ============================================  ======================

with :math:`s_i = \sum_j a_{ij} / m`; all numbers are rounded down to integers. In D and E dear pairs take little
capacity, which is what makes them hard. The instances that the literature solved are others of the same classes: only
the distributions are taken from there, so there are no best known values.

References
----------
Martello, S. and Toth, P. (1990): Knapsack Problems. Wiley, section 7.5 (C, D).
Chu, P. C. and Beasley, J. E. (1997): A genetic algorithm for the generalised assignment problem. Computers and
Operations Research 24 (1), 17-23, doi:10.1016/S0305-0548(96)00032-9 (sizes).
Laguna, M. et al. (1995): Tabu search for the multilevel generalized assignment problem. European Journal of
Operational Research 82 (1), 176-189, doi:10.1016/0377-2217(93)E0174-V (E).
"""

import numpy as np

from optimizer.benchmarks.gap import GapInstance

CLASSES = ("C", "D", "E")


def generate_gap(kind: str, agents: int, jobs: int, seed: int) -> GapInstance:
    """Return a random instance of class ``C``, ``D`` or ``E``; the same seed gives the same instance.

    Raises
    ------
    ValueError
        If the class is unknown.
    """
    if kind not in CLASSES:
        raise ValueError(f"class {kind!r} is none of {', '.join(CLASSES)}")
    random = np.random.default_rng(seed)
    shape = (agents, jobs)
    if kind == "C":
        resource = random.integers(5, 26, shape).astype(float)
        cost = random.integers(10, 51, shape).astype(float)
    elif kind == "D":
        resource = random.integers(1, 101, shape).astype(float)
        cost = 111 - resource + random.integers(-10, 11, shape)
    else:
        # 1 − random() lies in (0, 1], where the logarithm is finite.
        resource = np.floor(1 - 10 * np.log(1 - random.random(shape)))
        cost = np.floor(1000 / resource - 10 * random.random(shape))
    return GapInstance(
        name=f"{kind}{agents:02d}x{jobs}-{seed}",
        objective=cost,
        resource=resource,
        capacity=np.floor(0.8 * resource.sum(axis=1) / agents),
    )
