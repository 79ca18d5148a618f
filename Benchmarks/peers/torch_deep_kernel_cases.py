"""A step of a sparse deep kernel machine in PyTorch: the layers of its authors' library, float64."""
import torch


def deep_kernel_step(rows, columns, inducing, layers):
    torch.manual_seed(0)
    jitter = 1e-4
    x = torch.randn(rows, columns, dtype=torch.float64)
    y = torch.sin(2 * x[:, :1])
    points = torch.nn.Parameter(x[:inducing].clone())
    eye = torch.eye(inducing, dtype=torch.float64)
    roots = [torch.nn.Parameter(eye * inducing**0.5) for _ in range(layers)]
    scales = [torch.nn.Parameter(torch.zeros(1, dtype=torch.float64)) for _ in range(layers)]
    mean = torch.nn.Parameter(torch.zeros(inducing, 1, dtype=torch.float64))
    spread = torch.nn.Parameter(eye * inducing**0.5)
    noise = torch.nn.Parameter(torch.tensor(-1.2, dtype=torch.float64))
    parameters = [points, *roots, *scales, mean, spread, noise]
    optimiser = torch.optim.Adam(parameters, lr=1e-3, betas=(0.8, 0.9))

    def kernel(ii, ti, t):
        own = ii.diagonal()
        k = torch.exp(ii - 0.5 * (own[:, None] + own[None]))
        kt = torch.exp(ti - 0.5 * (t[:, None] + own[None]))
        k = k + torch.diag(k.diagonal() * jitter + jitter)
        return k, kt, torch.ones_like(t) * (1 + jitter) + jitter

    def divergence(g, root):
        inner = torch.linalg.solve_triangular(root, torch.linalg.cholesky(g), upper=False)
        return 0.5 * ((inner**2).sum() - 2 * inner.diagonal().log().sum() - inducing)

    def step():
        optimiser.zero_grad()
        ii, ti, t = points @ points.T / columns, x @ points.T / columns, (x**2).sum(1) / columns
        terms = 0.0
        for root_g, scale in zip(roots, scales):
            k, kt, kd = kernel(ii, ti, t)
            root = torch.linalg.cholesky(k)
            g = root_g @ root_g.T / inducing * scale.exp()
            w = torch.cholesky_solve(kt.T, root).T
            terms = terms - 30 * divergence(g, root)
            ii, ti, t = g, w @ g, kd - (w * kt).sum(1) + ((w @ g) * w).sum(1)
        k, kt, kd = kernel(ii, ti, t)
        root = torch.linalg.cholesky(k)
        a = spread @ spread.T / inducing
        w = torch.cholesky_solve(kt.T, root).T
        m, v = w @ mean, kd - (w * kt).sum(1) + ((w @ a) * w).sum(1)
        terms = terms - divergence(a, root) - 0.5 * (mean * torch.cholesky_solve(mean, root)).sum()
        likelihood = -0.5 * ((y - m) ** 2 + v[:, None]).mean() / noise.exp() - 0.5 * noise
        (-(likelihood + terms / rows)).backward()
        optimiser.step()

    return step


CASES = {"deep-kernel-step": deep_kernel_step}
