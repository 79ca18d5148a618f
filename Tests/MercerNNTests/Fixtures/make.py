"""Writes optimizers.json and schedules.json: what PyTorch (and timm, for Lion and LAMB) make of given gradients.

Run: python3 -m venv venv && venv/bin/pip install torch==2.15.0 timm==1.0.31 && venv/bin/python make.py
"""
import json
import pathlib

import numpy as np
import timm.optim
import torch

folder = pathlib.Path(__file__).parent
random = np.random.default_rng(7)
start = random.normal(size=37)
gradients = random.normal(size=(6, 37))
gradients[2, :5] = 0

cases = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True}),
    ("Adam", {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-6, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "amsgrad": True}),
    ("AdamW", {"lr": 0.05, "betas": [0.9, 0.99], "weight_decay": 0.2}),
    ("AdamW", {"lr": 0.05, "amsgrad": True}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9}),
    ("RMSprop", {"lr": 0.02, "centered": True, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.7}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.05}),
    ("Lion", {"lr": 0.01, "betas": [0.9, 0.98], "weight_decay": 0.1}),
    ("Lamb", {"lr": 0.02, "weight_decay": 0.1, "eps": 1e-6, "max_grad_norm": None}),
    ("Lamb", {"lr": 0.02, "weight_decay": 0.0, "eps": 1e-6, "max_grad_norm": None, "always_adapt": True}),
]


def trajectory(name, options):
    weight = torch.nn.Parameter(torch.tensor(start))
    make = getattr(torch.optim, name, None) or getattr(timm.optim, name)
    if "betas" in options:
        options = {**options, "betas": tuple(options["betas"])}
    optimizer = make([weight], **options)
    result = []
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        optimizer.step()
        result.append(weight.detach().tolist())
    return result


(folder / "optimizers.json").write_text(json.dumps({
    "start": start.tolist(), "gradients": gradients.tolist(),
    "cases": [{"name": n, "options": o, "trajectory": trajectory(n, o)} for n, o in cases],
}))

lr = torch.optim.lr_scheduler
schedules = [
    ("StepLR", {"step_size": 7, "gamma": 0.3}),
    ("MultiStepLR", {"milestones": [4, 9, 20], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 30, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 0.02}),
    ("CosineAnnealingWarmRestarts", {"T_0": 6, "T_mult": 1}),
    ("PolynomialLR", {"total_iters": 20, "power": 1.7}),
    ("LinearLR", {"start_factor": 0.2, "end_factor": 0.8, "total_iters": 12}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 30}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 30, "pct_start": 0.4, "anneal_strategy": "linear"}),
]


def values(name, options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = getattr(lr, name)(optimizer, **options)
    result = []
    for _ in range(30):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(result) < 30:
            schedule.step()
    return result


(folder / "schedules.json").write_text(json.dumps(
    [{"name": n, "options": o, "values": values(n, o)} for n, o in schedules]))
