/// Five formulas of papers, as somebody who reads the paper writes them with the core's words; Formulas.cs has the same in C#, with shapes and
/// sources.
module Hybrid.Tests.Language.Formulas

open Hybrid.Autodiff
open Hybrid.Rules

/// An LSTM cell: the step's outputs and states.
let lstmCell (x: Variable<'T>) (h: Variable<'T>) (c: Variable<'T>) wx wh b =
    let struct (i, f, g, o) = (x.Linear(wx, b) + h.Linear(wh)).Split4()
    let c = f.Sigmoid() * c + i.Sigmoid() * g.Tanh()
    let h = o.Sigmoid() * c.Tanh()
    h, c

/// A residual block with batch normalization.
let residualBlock (x: Variable<'T>) (w1, gain1, bias1) (w2, gain2, bias2) =
    let struct (y, _, _) = x.Conv2d(w1, padding = 1).BatchNorm(gain1, bias1)
    let struct (z, _, _) = y.Relu().Conv2d(w2, padding = 1).BatchNorm(gain2, bias2)
    (x + z).Relu()

/// A sample of a normal distribution through which gradients flow.
let reparameterize (mean: Variable<'T>) (logVariance: Variable<'T>) (noise: Variable<'T>) =
    mean + (0.5 * logVariance).Exp() * noise

/// A step up of a U-Net.
let unetStep (x: Variable<'T>) (skip: Variable<'T>) weight bias =
    let up = x.Upsample(2).Concatenate(skip, axis = -1)
    up.Conv2d(weight, bias, padding = 1).Relu()

/// The clipped surrogate loss of proximal policy optimization, negated to be made small.
let ppoLoss (logits: Variable<'T>) actions (old: Variable<'T>) (a: Variable<'T>) e =
    let ratio = (logits.LogSoftmax().Pick(actions) - old).Exp()
    -(ratio * a).Minimum(ratio.Clamp(1.0 - e, 1.0 + e) * a).Mean()
