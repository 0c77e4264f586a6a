(**
---
title: Activation functions
category: Papers
categoryindex: 2
index: 4
description: Every activation function in use, its derivative by hand, what it costs and when it fails, and which to take when, each answer from a run.
year: 2010
keywords: sigmoid, tanh, ReLU, ELU, SELU, GELU, Swish, Mish, gated linear units, initialization, vanishing gradients, dying ReLU
time: at most 5 minutes
needs: transformer
---
# Activation functions: all in use, and when to use which

- Xavier Glorot, Yoshua Bengio: Understanding the difficulty of training deep feedforward neural networks. AISTATS 2010.
- Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun: [Delving Deep into Rectifiers](https://arxiv.org/abs/1502.01852). ICCV 2015.
- Alex Krizhevsky, Ilya Sutskever, Geoffrey Hinton: ImageNet Classification with Deep Convolutional Neural Networks. NIPS 2012.
- Günter Klambauer, Thomas Unterthiner, Andreas Mayr, Sepp Hochreiter: [Self-Normalizing Neural Networks](https://arxiv.org/abs/1706.02515). NIPS 2017.

The papers of the single functions are listed [below](#References).

    [lang=text]
    @inproceedings{glorot2010understanding,
      title     = {Understanding the difficulty of training deep feedforward neural networks},
      author    = {Glorot, Xavier and Bengio, Yoshua},
      booktitle = {Proceedings of the 13th International Conference on Artificial Intelligence and Statistics},
      year      = {2010}
    }
    @inproceedings{he2015delving,
      title     = {Delving Deep into Rectifiers: Surpassing Human-Level Performance on {ImageNet} Classification},
      author    = {He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
      booktitle = {IEEE International Conference on Computer Vision},
      year      = {2015}
    }

- **What you need**: the linear map and cross-entropy of the [first page](transformer.html#Derivation), the derivative of a quotient.
- **Time**: at most 5 minutes on two cores (30 seconds with `-- --quick`); no graphics card, no network.

## The papers in one paragraph

A network of linear maps alone is a linear map. What bends it between two of them is the activation function, and for twenty years it was a
sigmoid: smooth, bounded, and flat almost everywhere, so that gradients died on their way down. Glorot and Bengio (2010) measured this layer
by layer and found starting weights under which tanh passes gradients on; Krizhevsky et al. (2012) reached a training error *several times faster* with
$\max(0, x)$; He et al. (2015) found the starting weights that belong to it and trained thirty layers; Klambauer et al. (2017) found a function that
normalizes by itself. Since then a dozen smooth relatives have been proposed, and gates, with differences of tenths of a percent. This page has them all, measures what
each does to numbers, signals and gradients, and ends with a table of which to take when.

## The idea, on numbers you can follow

Exclusive or: the answer is 1 if exactly one of two inputs is 1. No line separates the two answers, so no linear map computes it, and two linear maps in a row are
one. With a bend between them, two units are enough: the first counts the ones, the second begins to count at two, and the first minus twice the
second is the answer.
*)
#load "ensure.fsx"
#load "prelude.fsx"

open System
open System.Diagnostics
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Memory
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Scripts
open Hybrid.Tensors
open MathNet.Numerics
open MathNet.Numerics.LinearAlgebra
open MathNet.Numerics.Statistics
open Plotly.NET

(*** hide ***)
let page = Page.start "activations" [ Extra.Resume; Extra.CheckFinite ]

(**
*)
let inputs = matrix [ [ 0.0; 0.0 ]; [ 0.0; 1.0 ]; [ 1.0; 0.0 ]; [ 1.0; 1.0 ] ]
let first = matrix [ [ 1.0; 1.0 ]; [ 1.0; 1.0 ] ]
let shift = vector [ 0.0; -1.0 ]
let second = vector [ 1.0; -2.0 ]

let answers (bend: float -> float) =
    let hidden: Matrix<float> =
        (inputs * first).MapIndexed(fun _ j value -> bend (value + shift[j]))

    hidden * second

printfn "without a bend: %A" (answers id |> List.ofSeq)
printfn "with max(0, x): %A" (answers (max 0.0) |> List.ofSeq)
(*** include-output ***)
holds "two rectifiers compute exclusive or" (answers (max 0.0) = vector [ 0.0; 1.0; 1.0; 0.0 ])
(*** include-output ***)
(**
## Claims, written down before the run

Each says which paper it is from, what is measured here, and which threshold decides; one that fails is shown as failed.
*)
let widths = page.Pick(quick = 64, standard = 256)
let depth = 30
let goal = page.Pick(quick = 0.2, standard = 0.02)

let glorot =
    claim
        {
            Text =
                "With the normalized starting weights gradients get through a deep tanh network; with those that were usual before they vanish."
            Paper = "Glorot and Bengio 2010, figures 6 and 7, five layers, no single figure"
            Measure =
                $"orders of magnitude that the gradient loses over {depth} layers, usual weights minus normalized ones"
            Threshold = "reproduced from 3 on, partly from 1"
            Verdict = atLeast 3.0 1.0
        }

let heFlat =
    claim
        {
            Text =
                "Behind rectifiers, weights of variance 2/n keep the signal's size from layer to layer."
            Paper = "He et al. 2015, equation 10: factor 1"
            Measure = $"factor of the second moment a layer, over {depth} layers"
            Threshold = "reproduced within 0.05 of 1, partly within 0.15"
            Verdict = fun s -> atMost 0.05 0.15 { s with Mean = abs (s.Mean - 1.0) }
        }

let xavierHalves =
    claim
        {
            Text =
                "Behind rectifiers, weights of variance 1/n halve the signal's second moment at each layer."
            Paper = "He et al. 2015, section 2.2: factor 1/2, so 30 layers leave nothing"
            Measure = $"factor of the second moment a layer, over {depth} layers"
            Threshold = "reproduced within 0.05 of 0.5, partly within 0.15"
            Verdict = fun s -> atMost 0.05 0.15 { s with Mean = abs (s.Mean - 0.5) }
        }

let heTrains =
    claim
        {
            Text =
                "A network of thirty layers of rectifiers learns from weights of variance 2/n and does not from 1/n."
            Paper =
                "He et al. 2015, figure 3: “the Xavier method completely stalls the learning”"
            Measure = "training loss at the end with variance 1/n minus that with 2/n, nats"
            Threshold = "reproduced from 1 on, partly from 0.1"
            Verdict = atLeast 1.0 0.1
        }

let seluFixed =
    claim
        {
            Text = "SELU brings signals to mean 0 and variance 1 by itself."
            Paper = "Klambauer et al. 2017, theorem 1"
            Measure =
                $"distance of the variance from 1 behind {depth} layers whose input has variance 4"
            Threshold = "reproduced at most 0.15, partly at most 0.4"
            Verdict = atMost 0.15 0.4
        }

let faster =
    claim
        {
            Text = "Rectifiers reach a training error several times faster than tanh."
            Paper =
                "Krizhevsky et al. 2012, figure 1: six times, four convolutional layers on CIFAR-10, training error 25 %"
            Measure =
                $"steps until %g{100.0 * goal} %% training error with tanh over steps with rectifiers, each at its best rate"
            Threshold = "reproduced from 3 on, partly from 1.2"
            Verdict = atLeast 3.0 1.2
        }

let dying =
    claim
        {
            Text = "Large steps kill rectifiers: units that are 0 for every example."
            Paper =
                "Maas et al. 2013, section 1: a unit that never activates never learns; no figure"
            Measure =
                "share of dead units after training that began with five steps at a rate of 1, minus that without, %"
            Threshold = "reproduced from 20 on, partly from 5"
            Verdict = atLeast 20.0 5.0
        }

let cure =
    claim
        {
            Text =
                "Thin and deep networks of rectifiers are born dead; a slope below 0 is the cure."
            Paper =
                "Lu et al. 2019, theorem: dead with a probability that goes to 1 with the depth; the slope is that of Maas et al. 2013"
            Measure =
                $"share of untrained networks, {depth} layers of 4 units, whose first layer gets no gradient: rectifiers minus leaky ones, points"
            Threshold = "reproduced from 20 on, partly from 5"
            Verdict = atLeast 20.0 5.0
        }

let bending =
    claim
        {
            Text = "Without a bend a network draws a line, with one it separates two moons."
            Paper = "textbook"
            Measure = "accuracy with rectifiers minus accuracy without a bend, points"
            Threshold = "reproduced from 8 on, partly from 2"
            Verdict = atLeast 8.0 2.0
        }

let geluBetter =
    claim
        {
            Text = "GELU is better than the rectifier."
            Paper =
                "Hendrycks and Gimpel 2016, section 3.1, MNIST: lower loss with and without dropout, no figure"
            Measure = "test loss with rectifiers minus that with GELU, nats"
            Threshold = "reproduced from +0.005 on, partly above 0"
            Verdict = atLeast 0.005 1e-9
        }

let gatesBetter =
    claim
        {
            Text = "With as many parameters, a gated layer is better than the rectifier."
            Paper = "Shazeer 2020, table 1: log-perplexity 1.944 with SwiGLU, 1.997 with ReLU"
            Measure = "test loss with rectifiers minus that with SwiGLU, nats"
            Threshold = "reproduced from +0.005 on, partly above 0"
            Verdict = atLeast 0.005 1e-9
        }
(*** include-output ***)
(**
## Derivation

All of them work on each number by itself: $y = f(x)$, and by the chain rule $dx = f'(x)\,dy$. So each needs its value and its derivative; and each of the two a form that
a computer may evaluate, which is often not the one that is written down first.

### Sigmoid and its relatives

$$ y = \sigma(x) = \frac{1}{1 + e^{-x}} \tag{SIG-1} $$

By the quotient rule $\sigma' = e^{-x} / (1 + e^{-x})^2$, and since $1 - \sigma = e^{-x} / (1 + e^{-x})$,

$$ dx = y\,(1 - y)\,dy \tag{SIG-2} $$

at most ¼, at 0. Computed as written, $1 - y$ is 0 in single precision from $x = 17$ on; the core takes $e / (1 + e)^2$ with $e = e^{-|x|}$, which is the same number with all
its digits. The logarithm of a probability is wanted more often than the probability (it is the loss of a yes-or-no question), and its derivative is
$\frac{d}{dx} {-\ln(1 + e^{-x})} = e^{-x} / (1 + e^{-x}) = \sigma(-x)$:

$$ y = \ln \sigma(x) = \min(x, 0) - \ln(1 + e^{-|x|}) \tag{LSIG-1} $$

$$ dx = \sigma(-x)\,dy \tag{LSIG-2} $$

For positive $x$ the second form is the first, and for negative $x$ it is $x - \ln(1 + e^{x}) = -\ln(e^{-x} + 1)$. The *softplus* is its mirror image, the integral of σ:

$$ y = \ln(1 + e^{x}) = \max(x, 0) + \ln(1 + e^{-|x|}) \tag{SP-1} $$

$$ dx = \sigma(x)\,dy \tag{SP-2} $$

The hyperbolic tangent is a sigmoid from −1 to 1, $\tanh x = 2\sigma(2x) - 1$; multiply numerator and denominator of $(e^x - e^{-x}) / (e^x + e^{-x})$ by $e^{-|x|}$:

$$ y = \tanh x = \operatorname{sign}(x)\,\frac{1 - e^{-2|x|}}{1 + e^{-2|x|}} \tag{TANH-1} $$

With $\tanh = \sinh / \cosh$, the quotient rule gives $(\cosh^2 - \sinh^2) / \cosh^2$, which is

$$ dx = (1 - y^2)\,dy \tag{TANH-2} $$

Cut out of straight pieces, for processors to which an exponential is dear, these two are the *hard sigmoid*,

$$ y = \max(0, \min(1, x / 6 + \tfrac12)) \tag{HSIG-1} $$

$$ dx = dy / 6 \text{ where } |x| < 3 \text{, else } 0 \tag{HSIG-2} $$

and the *hard tanh*:

$$ y = \max(-1, \min(1, x)) \tag{HTANH-1} $$

$$ dx = dy \text{ where } |x| < 1 \text{, else } 0 \tag{HTANH-2} $$

### The rectifier and its relatives

The rectifier is [RELU-1 and RELU-2](transformer.html#eq-RELU-1). Below 0 its derivative is 0, so a unit that is there for every example never moves again. The *leaky ReLU* avoids
that by a slope $\alpha$:

$$ y = x \text{ where } x > 0 \text{, else } \alpha x \tag{LREL-1} $$

$$ dx = dy \text{ where } x > 0 \text{, else } \alpha\,dy \tag{LREL-2} $$

*PReLU*, by He et al., learns it ($a$, one for a layer or one for each feature). The slope is used by every number that lies below 0, so its gradient is a sum:

$$ y = x \text{ where } x > 0 \text{, else } a\,x \tag{PREL-1} $$

$$ dx = dy \text{ where } x > 0 \text{, else } a\,dy \tag{PREL-2} $$

$$ da = \sum_{x \le 0} x\,dy \tag{PREL-3} $$

*ELU* has an exponential instead of a slope. It comes to rest at $-\alpha$, and its derivative has no jump for $\alpha = 1$:

$$ y = x \text{ where } x > 0 \text{, else } \alpha(e^x - 1) \tag{ELU-1} $$

$$ dx = dy \text{ where } x > 0 \text{, else } \alpha e^x\,dy \tag{ELU-2} $$

SELU is the same with a factor $\lambda$,

$$ y = \lambda x \text{ where } x > 0 \text{, else } \lambda\alpha(e^x - 1) \tag{SELU-1} $$

$$ dx = \lambda\,dy \text{ where } x > 0 \text{, else } \lambda\alpha e^x\,dy \tag{SELU-2} $$

and $\alpha$ and $\lambda$ chosen so that a standard normal $z$ gives a value of mean 0 and variance 1. With $\phi$ and $\Phi$ the normal density and distribution,
$E[z;\,z > 0] = \phi(0)$, and completing the square in the exponent, $E[e^{kz};\,z < 0] = e^{k^2/2}\,\Phi(-k)$. So the mean is 0 if
$\phi(0) + \alpha\,(e^{1/2}\Phi(-1) - \tfrac12) = 0$, which gives $\alpha$; and the second moment is 1 if
$\lambda^2\bigl(\tfrac12 + \alpha^2 (e^2\Phi(-2) - 2 e^{1/2}\Phi(-1) + \tfrac12)\bigr) = 1$, which gives $\lambda$.

### Smooth gates

The rectifier multiplies $x$ by 0 or 1. GELU multiplies it by the probability that a normal number is smaller, Swish (with $\beta = 1$: SiLU) by a sigmoid. Both are products, and $\Phi' = \phi$:

$$ y = x\,\Phi(x) \tag{GELU-1} $$

$$ dx = (\Phi(x) + x\,\phi(x))\,dy \tag{GELU-2} $$

$$ y = x\,\sigma(\beta x) \tag{SWI-1} $$

$$ dx = (\sigma(\beta x) + \beta x\,\sigma'(\beta x))\,dy \tag{SWI-2} $$

GELU's paper approximates $\Phi$ by $\frac12(1 + \tanh u)$ with $u = \sqrt{2/\pi}\,(x + 0.044715\,x^3)$; as $\frac12(1 + \tanh u) = \sigma(2u)$, that is a Swish with a cubic inside, and many
programs mean this form by the name:

$$ y = x\,\sigma(2u) \tag{GELU-3} $$

$$ dx = (\sigma(2u) + 2x\,u'\,\sigma'(2u))\,dy, \qquad u' = \sqrt{2/\pi}\,(1 + 3 \cdot 0.044715\,x^2) \tag{GELU-4} $$

Mish has $t = \tanh(\ln(1 + e^x))$ for a gate. Its derivative is $(1 - t^2)$ times that of the softplus, σ:

$$ y = x\,t \tag{MISH-1} $$

$$ dx = (t + x\,\sigma(x)(1 - t^2))\,dy \tag{MISH-2} $$

With $u = 1 + e^x$, $\tanh \ln u = (u - u^{-1}) / (u + u^{-1}) = (u^2 - 1) / (u^2 + 1)$, so no logarithm is needed. And the *hard Swish*, out of straight pieces:

$$ y = x \max(0, \min(1, x / 6 + \tfrac12)) \tag{HSWI-1} $$

$$ dx = (x / 3 + \tfrac12)\,dy \text{ where } |x| < 3 \text{, } dy \text{ above, } 0 \text{ below} \tag{HSWI-2} $$

### Gated units

Let one linear map say how much of another comes through: $a = xV$, $b = xW$, and $f$ the sigmoid (GLU), GELU (GEGLU) or SiLU (SwiGLU). A product of two inputs has two gradients:

$$ y = a\,\sigma(b) \tag{GLU-1} $$

$$ da = \sigma(b)\,dy \tag{GLU-2} $$

$$ db = a\,\sigma'(b)\,dy \tag{GLU-3} $$

$$ y = a\operatorname{gelu}(b) \tag{GEGLU-1} $$

$$ da = \operatorname{gelu}(b)\,dy \tag{GEGLU-2} $$

$$ db = a\operatorname{gelu}'(b)\,dy \tag{GEGLU-3} $$

$$ y = a\operatorname{silu}(b) \tag{SWIGLU-1} $$

$$ da = \operatorname{silu}(b)\,dy \tag{SWIGLU-2} $$

$$ db = a\operatorname{silu}'(b)\,dy \tag{SWIGLU-3} $$

Softmax, as an output, is [SM-1 and SM-2](transformer.html#eq-SM-1), with its loss [CE-1 to CE-3](transformer.html#eq-CE-1).

### How large the starting weights should be

A unit adds $n$ products: with weights of mean 0 and variance $v$, independent of the inputs, $\operatorname{Var}(y) = n\,v\,E[x^2]$. A linear layer keeps the size if $v = 1/n$ (LeCun et
al. 1998). Going back, the gradient of an input adds as many products as there are outputs, $m$, which asks for $1/m$; Glorot and Bengio take the middle, $2/(n + m)$. For layers of
equal width, as below, these are the same. The weights that were usual before, uniform in $\pm 1/\sqrt n$, have variance $1/(3n)$: each layer leaves a third. A rectifier behind a unit
whose distribution is symmetric leaves half of $E[y^2]$; so He et al. take $2/n$.

## Longhand

Each function and its derivative in F#, as the equations have it. The error function and $\ln(1 + x)$ are MathNet's; $e^x - 1 = 2 \sinh(x/2)\,e^{x/2}$ keeps all digits near 0.
*)
let sigmoid x = if x > 0.0 then 1.0 / (1.0 + exp -x) else exp x / (1.0 + exp x) // SIG-1
let expMinusOne x = 2.0 * sinh (x / 2.0) * exp (x / 2.0)
let sigmoidSlope x = sigmoid x * sigmoid -x // SIG-2
let softplus x = max x 0.0 + SpecialFunctions.Log1p(exp -(abs x)) // SP-1
let normalProbability x = 0.5 * SpecialFunctions.Erfc(-x / sqrt 2.0)
let normalDensity x = exp (-x * x / 2.0) / sqrt (2.0 * Math.PI)

let tanhOfSoftplus x = tanh (softplus x)

let geluInner x = sqrt (2.0 / Math.PI) * (x + 0.044715 * x * x * x)
let geluInnerSlope x = sqrt (2.0 / Math.PI) * (1.0 + 3.0 * 0.044715 * x * x)

let clamp low high x = max low (min high x)
let seluScale, seluAlpha = Selu.Scale, Selu.Alpha

/// A function of one number: by hand, and as the core has it.
type Function =
    {
        Name: string
        Kind: ActivationKind
        Value: float -> float
        Slope: float -> float
        /// Where it has no derivative.
        Kinks: float list
    }

let functions: Function list =
    let define kind name value slope kinks =
        { Name = name; Kind = kind; Value = value; Slope = slope; Kinks = kinks }

    [
        define ActivationKind.Sigmoid "sigmoid" sigmoid sigmoidSlope [] // SIG-2
        define
            ActivationKind.HardSigmoid
            "hard sigmoid"
            (fun x -> clamp 0.0 1.0 (x / 6.0 + 0.5)) // HSIG-1
            (fun x -> if abs x < 3.0 then 1.0 / 6.0 else 0.0) // HSIG-2
            [ -3.0; 3.0 ]
        define
            ActivationKind.Tanh
            "tanh"
            tanh // TANH-1
            (fun x -> 4.0 * sigmoidSlope (2.0 * x)) // TANH-2
            []
        define
            ActivationKind.HardTanh
            "hard tanh"
            (clamp -1.0 1.0) // HTANH-1
            (fun x -> if abs x < 1.0 then 1.0 else 0.0) // HTANH-2
            [ -1.0; 1.0 ]
        define
            ActivationKind.Relu
            "ReLU"
            (max 0.0) // RELU-1
            (fun x -> if x > 0.0 then 1.0 else 0.0) // RELU-2
            [ 0.0 ]
        define
            ActivationKind.LeakyRelu
            "leaky ReLU"
            (fun x -> if x > 0.0 then x else 0.01 * x) // LREL-1
            (fun x -> if x > 0.0 then 1.0 else 0.01) // LREL-2
            [ 0.0 ]
        define
            ActivationKind.PRelu
            "PReLU, a = 0.25"
            (fun x -> if x > 0.0 then x else 0.25 * x) // PREL-1
            (fun x -> if x > 0.0 then 1.0 else 0.25) // PREL-2
            [ 0.0 ]
        define
            ActivationKind.Elu
            "ELU"
            (fun x -> if x > 0.0 then x else expMinusOne x) // ELU-1
            (fun x -> if x > 0.0 then 1.0 else exp x) // ELU-2
            [ 0.0 ]
        define
            ActivationKind.Selu
            "SELU"
            (fun x -> seluScale * (if x > 0.0 then x else seluAlpha * expMinusOne x)) // SELU-1
            (fun x -> seluScale * (if x > 0.0 then 1.0 else seluAlpha * exp x)) // SELU-2
            [ 0.0 ]
        define ActivationKind.Softplus "softplus" softplus sigmoid [] // SP-2
        define
            ActivationKind.Gelu
            "GELU"
            (fun x -> x * normalProbability x) // GELU-1
            (fun x -> normalProbability x + x * normalDensity x) // GELU-2
            []
        define
            ActivationKind.GeluTanh
            "GELU, by tanh"
            (fun x -> x * sigmoid (2.0 * geluInner x)) // GELU-3
            (fun x ->
                let v = 2.0 * geluInner x
                sigmoid v + 2.0 * x * geluInnerSlope x * sigmoidSlope v) // GELU-4
            []
        define
            ActivationKind.Swish
            "SiLU (Swish)"
            (fun x -> x * sigmoid x) // SWI-1
            (fun x -> sigmoid x + x * sigmoidSlope x) // SWI-2
            []
        define
            ActivationKind.HardSwish
            "hard Swish"
            (fun x -> x * clamp 0.0 1.0 (x / 6.0 + 0.5)) // HSWI-1
            (fun x ->
                if abs x < 3.0 then x / 3.0 + 0.5
                elif x > 0.0 then 1.0
                else 0.0) // HSWI-2
            [ -3.0; 3.0 ]
        define
            ActivationKind.Mish
            "Mish"
            (fun x -> x * tanhOfSoftplus x) // MISH-1
            (fun x ->
                let t = tanhOfSoftplus x
                t + x * sigmoid x * (1.0 - t * t)) // MISH-2
            []
    ]

(** SELU's two numbers, from the equations above: *)
let alphaByHand = -normalDensity 0.0 / (sqrt (exp 1.0) * normalProbability -1.0 - 0.5)

let scaleByHand =
    let second =
        exp 2.0 * normalProbability -2.0 - 2.0 * sqrt (exp 1.0) * normalProbability -1.0 + 0.5

    1.0 / sqrt (0.5 + alphaByHand * alphaByHand * second)

printfn $"α = %.16f{alphaByHand}, λ = %.16f{scaleByHand}"
check "longhand = core, SELU's α" (alphaByHand - Selu.Alpha) 1e-12
check "longhand = core, SELU's λ" (scaleByHand - Selu.Scale) 1e-12

let moment (f: float -> float) =
    Integrate.GaussLegendre((fun z -> f z * normalDensity z), -12.0, 0.0, 64)
    + Integrate.GaussLegendre((fun z -> f z * normalDensity z), 0.0, 12.0, 64)

let seluByHand = (functions |> List.find (fun f -> f.Kind = ActivationKind.Selu)).Value

check "SELU of a normal number has mean 0, integrated" (moment seluByHand) 1e-9

check
    "SELU of a normal number has variance 1, integrated"
    (moment (fun z -> seluByHand z ** 2.0) - 1.0)
    1e-9
(*** include-output ***)
(**
Choose a function; solid is its value, dashed its derivative.
*)
let sweep = [ for i in -120 .. 120 -> float i / 20.0 ]

[
    for f in functions ->
        f.Name,
        Chart.combine
            [
                Chart.Line(
                    x = sweep,
                    y = List.map f.Value sweep,
                    Name = "value",
                    LineColor = Palette.blue
                )
                Chart.Line(
                    x = sweep,
                    y = List.map f.Slope sweep,
                    Name = "derivative",
                    LineColor = Palette.red
                )
            ]
]
|> selector
|> Chart.withXAxisStyle (TitleText = "x")
|> Chart.withYAxisStyle (TitleText = "f(x), f′(x)")
|> figure
    "functions"
    "Each activation function (solid) and its derivative (dashed) from −6 to 6: where the derivative is near 0, a unit hardly learns."
(*** include-it-raw ***)
(**
## The code

All but PReLU share one rule: the value is the function's, the pullback multiplies by its derivative.
*)
(*** hide ***)
csharp "Rules/Functions/ElementwiseRule.cs" "Forward"
(*** include-it-raw ***)
(**
A function is then its two formulas. They are written over *numbers* of any kind that has arithmetic, and the compiler makes of them a loop over vectors of 4, 8 or 16 of them, in single
or double precision. Mish, as an example of one that needs care:
*)
(*** hide ***)
csharp "Rules/Functions/Mish.cs" "Mish"
(*** include-it-raw ***)
(** And a gated unit, a function of two inputs: *)
(*** hide ***)
csharp "Rules/Functions/ElementwiseRule.cs" "ForwardGated"
(*** include-it-raw ***)
(** The slope of PReLU collects from all rows: *)
(*** hide ***)
csharp "Rules/Functions/PRelu.cs" "Forward"
(*** include-it-raw ***)
(**
## Agreement

Longhand against the core, value and derivative, at 1,201 points from −30 to 30, relative to the size of the value; then the derivative against central differences, along random
cotangents, away from kinks.
*)
let random = RandomStream(page.Seed).Split("agreement")

/// The core's value and derivative at some points.
let ofCore (kind: ActivationKind) (points: float list) =
    let tape = Tape<float>()
    let count = points.Length

    let x = tape.Input(Tensor<float>.From(Shape count, ReadOnlySpan(Array.ofList points)))

    let y = Activation<float>(kind).Apply x
    tape.Backward(y, Tensor<float>.From(Shape count, ReadOnlySpan(Array.create count 1.0)))
    y.Value.ToArray(), (nonNull x.Gradient).ToArray()

let points = [ for i in -600 .. 600 -> float i / 20.0 ]

let relativeDistance (expected: float list) (actual: float[]) =
    Seq.zip expected actual
    |> Seq.map (fun (e, a) -> abs (a - e) / max 1e-3 (abs e))
    |> Seq.max

let distances =
    [
        for f in functions ->
            let value, slope = ofCore f.Kind points

            let isSmoothAt x = not (List.exists (fun kink -> kink = x) f.Kinks)

            let slopes = List.zip points (List.ofArray slope) |> List.filter (fst >> isSmoothAt)

            f,
            relativeDistance (List.map f.Value points) value,
            relativeDistance
                (slopes |> List.map (fst >> f.Slope))
                (slopes |> List.map snd |> Array.ofList)
    ]

let gradientErrors =
    [
        for f in functions ->
            let isNearKink (x: float) =
                List.exists (fun kink -> abs (x - kink) < 20.0 * GradCheck.Step) f.Kinks

            let draw _ =
                Seq.initInfinite (fun _ -> 2.0 * random.NextNormal())
                |> Seq.find (isNearKink >> not)

            let x = Tensor<float>.From(Shape(4, 8), ReadOnlySpan(Array.init 32 draw))
            let layer = Activation<float>(f.Kind)

            f.Name,
            GradCheck.Worst(
                GradCheck.Run(
                    (fun _ inputs -> layer.Apply inputs[0]),
                    [| x |],
                    Array.ofSeq layer.Parameters,
                    random
                )
            )
    ]
    |> dict

table
    [ "function"; "value"; "derivative"; "derivative, central differences" ]
    [
        for f, value, slope in distances ->
            [
                f.Name
                formatted "0e+0" (value)
                formatted "0e+0" (slope)
                formatted "0e+0" (gradientErrors[f.Name])
            ]
    ]
(*** include-it-raw ***)
for f, value, slope in distances do
    check $"longhand = core, {f.Name}" value 1e-11
    check $"longhand = core, derivative of {f.Name}" slope 1e-10
    check $"derived = differences, {f.Name}" gradientErrors[f.Name] 1e-6
(*** include-output ***)
(** The gated units, whose two inputs each have a gradient, and the whole network of the experiments below, with six smooth kinds of unit: *)
let gatedKinds =
    [
        "GLU", ActivationKind.Glu, sigmoid
        "GEGLU", ActivationKind.GeGlu, (fun x -> x * normalProbability x)
        "SwiGLU", ActivationKind.SwiGlu, (fun x -> x * sigmoid x)
    ]

/// What tables and plots call each kind.
let nameOf =
    dict
        [
            ActivationKind.Identity, "no bend"
            for f in functions do
                f.Kind, f.Name
            for name, kind, _ in gatedKinds do
                kind, name
        ]

for name, kind, gate in gatedKinds do
    let layer = GatedLinear<float>(kind, 3, 4, random, WeightScale.He)

    let x =
        Tensor<float>
            .From(Shape(5, 3), ReadOnlySpan(Array.init 15 (fun _ -> random.NextNormal())))

    let tape = Tape<float>()
    let core = layer.Apply(tape.Constant x).Value.ToArray()

    let matrixOf (parameter: Parameter<float>) =
        Matrix<float>
            .Build.DenseOfRowMajor(
                parameter.Value.Shape[0],
                parameter.Value.Shape[1],
                parameter.Value.ToArray()
            )

    // The weights of values and of gates; the biases are 0.
    let parameters = Array.ofSeq layer.Parameters
    let input = Matrix<float>.Build.DenseOfRowMajor(5, 3, x.ToArray())

    let longhand =
        (input * matrixOf parameters[0])
            .PointwiseMultiply((input * matrixOf parameters[2]).Map gate)

    check
        $"longhand = core, {name}"
        (Tensor.distance
            (Tensor.ofMatrix longhand)
            (Tensor<float>.From(Shape(5, 4), ReadOnlySpan core)))
        1e-12

    let errors =
        GradCheck.Run((fun _ inputs -> layer.Apply inputs[0]), [| x |], parameters, random)

    check $"derived = differences, {name}, all parameters" (GradCheck.Worst errors) 1e-6

let networkErrors =
    [
        // Smooth ones: a network has no way to keep its sums away from kinks.
        for kind in
            [
                ActivationKind.Tanh
                ActivationKind.Gelu
                ActivationKind.Swish
                ActivationKind.Mish
                ActivationKind.Softplus
                ActivationKind.SwiGlu
            ] ->
            let network =
                Mlp<float>(
                    MlpSettings(Inputs = 5, Hidden = [ 6; 7 ], Outputs = 3, Activation = kind),
                    random
                )

            let x =
                Tensor<float>
                    .From(
                        Shape(4, 5),
                        ReadOnlySpan(Array.init 20 (fun _ -> random.NextNormal()))
                    )

            GradCheck.Worst(
                GradCheck.Run(
                    (fun _ inputs -> network.Loss(inputs[0], [| 0; 2; 1; 2 |])),
                    [| x |],
                    Array.ofSeq network.Parameters,
                    random
                )
            )
    ]

check "derived = differences, whole networks, worst parameter" (List.max networkErrors) 1e-6
(*** include-output ***)
(**
And PyTorch's engine, given the same numbers (`dotnet fsi tests/Parity/run.fsx`), found these largest relative differences:
*)
parity
    [
        "Sigmoid"
        "LogSigmoid"
        "HardSigmoid"
        "Tanh"
        "HardTanh"
        "Relu"
        "LeakyRelu"
        "PRelu"
        "Elu"
        "Selu"
        "Softplus"
        "Gelu"
        "Gelu.ForwardTanh"
        "Swish"
        "HardSwish"
        "Mish"
        "Glu"
        "GeGlu"
        "SwiGlu"
        "Activation"
        "GatedLinear"
        "Mlp"
    ]
(*** include-it-raw ***)
(**
## Numerical stability

The formula as it is first written down, in single and in double precision, beside the core in single. Most have a magnitude at which they break; where none of these
arguments is one, the column says *none*.
*)
let core32 (kind: ActivationKind) (x: float32) =
    let tape = Tape<float32>()
    let x = tape.Input(Tensor<float32>.From(Shape 1, ReadOnlySpan [| x |]))
    let y = Activation<float32>(kind).Apply x
    tape.Backward y
    y.Value.ToScalar(), (nonNull x.Gradient).ToScalar()

let logSigmoid32 (x: float32) =
    let struct (y, _) =
        LogSigmoid.Forward(
            Tensor<float32>.From(Shape 1, ReadOnlySpan [| x |]),
            Arena<float32>()
        )

    y.ToScalar()

/// Name, arguments, the naive form in both precisions, the core's, and the truth.
let exhibits
    : (string *
      float list *
      (float32 -> float32) *
      (float -> float) *
      (float32 -> float32) *
      (float -> float)) list =
    [
        "softplus, ln(1 + eˣ), large x",
        [ 10.0; 80.0; 90.0; 700.0; 710.0; 1e4 ],
        (fun x -> log (1.0f + exp x)),
        (fun x -> log (1.0 + exp x)),
        (fun x -> fst (core32 ActivationKind.Softplus x)),
        softplus
        "softplus, ln(1 + eˣ), very negative x",
        [ -5.0; -10.0; -17.0; -20.0; -37.0; -80.0 ],
        (fun x -> log (1.0f + exp x)),
        (fun x -> log (1.0 + exp x)),
        (fun x -> fst (core32 ActivationKind.Softplus x)),
        softplus
        "log sigmoid, ln(1 / (1 + e⁻ˣ))",
        [ -10.0; -80.0; -90.0; -700.0; -710.0; -1e4 ],
        (fun x -> log (1.0f / (1.0f + exp -x))),
        (fun x -> log (1.0 / (1.0 + exp -x))),
        logSigmoid32,
        (fun x -> -softplus -x)
        "derivative of the sigmoid, y (1 − y)",
        [ 1.0; 5.0; 10.0; 17.0; 30.0; 40.0 ],
        (fun x -> let y = 1.0f / (1.0f + exp -x) in y * (1.0f - y)),
        (fun x -> let y = 1.0 / (1.0 + exp -x) in y * (1.0 - y)),
        (fun x -> snd (core32 ActivationKind.Sigmoid x)),
        sigmoidSlope
        "derivative of tanh, 1 − y²",
        [ 1.0; 3.0; 6.0; 9.0; 15.0; 20.0 ],
        (fun x -> 1.0f - tanh x * tanh x),
        (fun x -> 1.0 - tanh x * tanh x),
        (fun x -> snd (core32 ActivationKind.Tanh x)),
        (fun x -> 4.0 * sigmoidSlope (2.0 * x))
        "tanh as (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)",
        [ 1e-8; 1e-4; 1.0; 80.0; 90.0; 710.0 ],
        (fun x -> (exp x - exp -x) / (exp x + exp -x)),
        (fun x -> (exp x - exp -x) / (exp x + exp -x)),
        (fun x -> fst (core32 ActivationKind.Tanh x)),
        tanh
        "ELU below 0, eˣ − 1",
        [ -1.0; -1e-3; -1e-5; -1e-8; -1e-12; -1e-17 ],
        (fun x -> exp x - 1.0f),
        (fun x -> exp x - 1.0),
        (fun x -> fst (core32 ActivationKind.Elu x)),
        expMinusOne
        "Mish, x tanh(ln(1 + eˣ))",
        [ 1.0; 30.0; 80.0; 90.0; 700.0; 710.0 ],
        (fun x -> x * tanh (log (1.0f + exp x))),
        (fun x -> x * tanh (log (1.0 + exp x))),
        (fun x -> fst (core32 ActivationKind.Mish x)),
        (fun x -> x * tanhOfSoftplus x)
    ]

/// Wrong by more than a thousandth, or no number.
let isWrong (truth: float) (value: float) = not (abs (value - truth) <= 1e-3 * abs truth)

let firstWrong (points: float list) (truth: float -> float) (f: float -> float) =
    points
    |> List.tryFind (fun x -> isWrong (truth x) (f x))
    |> Option.map (fun x -> $"x = %g{x}: %g{f x} instead of %.3g{truth x}")
    |> Option.defaultValue "none"

table
    [ "formula"; "first failing, float32"; "first failing, float64"; "core, float32" ]
    [
        for name, points, single, double, core, truth in exhibits ->
            [
                name
                firstWrong points truth (float32 >> single >> float)
                firstWrong points truth double
                firstWrong points truth (float32 >> core >> float)
            ]
    ]
(*** include-it-raw ***)
holds
    "the core is right to a thousandth wherever the truth is a single-precision number"
    (exhibits
     |> List.forall (fun (_, points, _, _, core, truth) ->
         points
         |> List.forall (fun x ->
             abs (truth x) < 1.2e-38 || not (isWrong (truth x) (float (core (float32 x)))))))
(*** include-output ***)
(**
Single precision has no positive number below $10^{-45}$, and the core counts what lies below $1.2 \cdot 10^{-38}$ as 0, as denormal numbers make every loop many times slower.
*)
(**
## What each does to numbers

A unit's input is a sum of many things, so take normal numbers for it ($z$, mean 0, variance 1). Where the mean of the output is not 0, the next layer's weights all get
a push in one direction (LeCun et al. 1998); where the derivative is nearly 0, nothing is learned. *Saturated* is the share of $z$ with a derivative below 0.01, *dead* that with a derivative of
0. Costs are of 65,536 numbers at once, on this machine, the fastest of several tries; forward, and forward with the pullback.
*)
let normals =
    let stream = RandomStream(page.Seed).Split("normal numbers")
    [ for _ in 1..20000 -> stream.NextNormal() ]

/// The smallest and the largest value, looked for far out and close by.
let rangeOf (f: Function) =
    let values, _ =
        ofCore f.Kind [ yield! [ -1e4; 1e4 ]; for i in -1000 .. 1000 -> float i / 50.0 ]

    let text x = if abs x >= 1e2 then (if x > 0.0 then "∞" else "−∞") else $"%.2f{x}"
    // Non-breaking spaces: a range stays in one line.
    $"{text (Array.min values)}\u00A0…\u00A0{text (Array.max values)}"

let nanoseconds (kind: ActivationKind) isBothWays =
    let count = 1 <<< 16
    let tape = Tape<float32>()
    let stream = RandomStream 1UL
    let layer = Activation<float32>(kind)

    let x =
        Tensor<float32>
            .From(
                Shape count,
                ReadOnlySpan(Array.init count (fun _ -> float32 (stream.NextNormal())))
            )

    let run () =
        tape.Clear()
        let begun = Stopwatch.GetTimestamp()
        let input = if isBothWays then tape.Input x else tape.Constant x
        let y = layer.Apply input

        if isBothWays then
            tape.Backward(y, x)

        (Stopwatch.GetElapsedTime begun).TotalNanoseconds / float count

    List.min [ for _ in 1 .. page.Pick(quick = 20, standard = 200) -> run () ]

table
    [
        "function"
        "range"
        "mean of f(z)"
        "variance of f(z)"
        "saturated, %"
        "dead, %"
        "ns a number"
        "both ways"
    ]
    [
        for f in functions ->
            let values, slopes = ofCore f.Kind normals

            let share isCounted =
                let counted = slopes |> Array.filter (abs >> isCounted)
                $"%.0f{100.0 * float counted.Length / float slopes.Length}"

            [
                f.Name
                rangeOf f
                $"%.3f{Statistics.Mean values}"
                $"%.3f{Statistics.Variance values}"
                share (fun slope -> slope < 0.01)
                share (fun slope -> slope = 0.0)
                $"%.2f{nanoseconds f.Kind false}"
                $"%.2f{nanoseconds f.Kind true}"
            ]
    ]
(*** include-it-raw ***)
(**
SELU alone has mean 0 and variance 1: that is what its two numbers are for. The pullback of a cheap function costs as much as reading and writing memory does; with an exponential or two
inside, several times that. In a layer of width $d$ each number also costs $2d$ operations of the product before it, so the choice of function hardly shows in the time of a step.

## Experiment: a signal through thirty layers

Random weights, random inputs (256 of them, variance 1), no training: how large are the signals in each layer, and how large the gradients that come back from a random cotangent at the
top? All layers are equally wide, so LeCun's and Glorot's variances are both $1/n$.
*)
let tape = Tape<float32>(ChecksFinite = page.ChecksFinite, KeepsGradients = true)

/// Second moment of the signal and of the gradient behind each layer, from the first to the last.
let signals
    (kind: ActivationKind)
    (scale: WeightScale)
    (factor: float)
    (inputVariance: float)
    (seed: uint64)
    =
    let stream = RandomStream(seed).Split("signals")

    let network =
        Mlp<float32>(
            MlpSettings(
                Inputs = widths,
                Hidden = Array.create depth widths,
                Outputs = widths,
                Activation = kind,
                Scale = scale
            ),
            stream.Split "model"
        )

    for parameter in network.Parameters do
        if parameter.Value.Shape.Rank = 2 then
            for i in 0 .. parameter.Value.Length - 1 do
                parameter.Value.Span[i] <- parameter.Value.Span[i] * float32 factor

    let draw variance =
        let deviation = sqrt variance

        Tensor<float32>
            .From(
                Shape(256, widths),
                ReadOnlySpan(
                    Array.init (256 * widths) (fun _ ->
                        float32 (deviation * stream.NextNormal()))
                )
            )

    tape.Clear()
    let top = network.Logits(tape.Input(draw inputVariance))
    tape.Backward(top, draw 1.0)

    let moment (x: Tensor<float32> | null) =
        match x with
        | null -> nan
        | x -> x.ToArray() |> Array.averageBy (fun value -> float value * float value)

    [|
        for variable in tape.Recorded do
            if variable.Place.EndsWith ".activation" then
                moment variable.Value, moment variable.Gradient
    |]

let signalSeeds = [ for i in 0 .. page.Pick(quick = 1, standard = 4) -> page.Seed + uint64 i ]

/// Name, function, weights, and a factor on the weights.
let pairings =
    [
        "sigmoid, 1/n", ActivationKind.Sigmoid, WeightScale.LeCun, 1.0
        "tanh, 1/(3n) (usual before 2010)",
        ActivationKind.Tanh,
        WeightScale.LeCun,
        sqrt (1.0 / 3.0)
        "tanh, 1/n", ActivationKind.Tanh, WeightScale.Xavier, 1.0
        "tanh, 2/n", ActivationKind.Tanh, WeightScale.He, 1.0
        "ReLU, 1/n", ActivationKind.Relu, WeightScale.Xavier, 1.0
        "ReLU, 2/n", ActivationKind.Relu, WeightScale.He, 1.0
        "leaky ReLU, 2/n", ActivationKind.LeakyRelu, WeightScale.He, 1.0
        "ELU, 1/n", ActivationKind.Elu, WeightScale.LeCun, 1.0
        "SELU, 1/n", ActivationKind.Selu, WeightScale.LeCun, 1.0
        "GELU, 2/n", ActivationKind.Gelu, WeightScale.He, 1.0
        "SiLU, 2/n", ActivationKind.Swish, WeightScale.He, 1.0
        "Mish, 2/n", ActivationKind.Mish, WeightScale.He, 1.0
    ]

let measured, signalSeconds =
    timed (fun () ->
        [
            for name, kind, scale, factor in pairings ->
                name, [ for seed in signalSeeds -> seed, signals kind scale factor 1.0 seed ]
        ])

let ofPairing name = measured |> List.find (fst >> (=) name) |> snd

/// By how much a layer multiplies the second moment, on average over all layers.
let forwardFactor (layers: (float * float)[]) =
    Math.Pow(fst (Array.last layers) / fst layers[0], 1.0 / float (layers.Length - 1))

let backwardFactor (layers: (float * float)[]) =
    Math.Pow(snd layers[0] / snd (Array.last layers), 1.0 / float (layers.Length - 1))

table
    [
        "function, variance of the weights"
        "factor a layer, forward"
        "factor a layer, backward"
        $"signal behind layer {depth}"
        "gradient at layer 1"
    ]
    [
        for name, runs in measured ->
            let mean f = runs |> List.averageBy (snd >> f)

            [
                name
                $"%.3f{mean forwardFactor}"
                $"%.3f{mean backwardFactor}"
                formatted "0.0e+0" (mean (Array.last >> fst))
                formatted "0.0e+0" (mean (Array.head >> snd))
            ]
    ]
(*** include-it-raw ***)
let colours =
    [
        Palette.blue
        Palette.orange
        Palette.green
        Palette.red
        Palette.purple
        Palette.sky
        Palette.grey
    ]

[
    for what, pick in [ "signal", fst; "gradient", snd ] do
        for family, names in
            [
                "saturating",
                [ "sigmoid, 1/n"; "tanh, 1/(3n) (usual before 2010)"; "tanh, 1/n"; "tanh, 2/n" ]
                "rectifiers", [ "ReLU, 1/n"; "ReLU, 2/n"; "leaky ReLU, 2/n" ]
                "smooth", [ "ELU, 1/n"; "SELU, 1/n"; "GELU, 2/n"; "SiLU, 2/n"; "Mish, 2/n" ]
            ] ->
            $"{what}, {family}",
            [
                for name, colour in List.zip names (List.truncate names.Length colours) ->
                    Chart.Line(
                        x = [ 1..depth ],
                        y = [ for layer in snd (List.head (ofPairing name)) -> pick layer ],
                        Name = name,
                        LineColor = colour
                    )
            ]
            |> Chart.combine
]
|> selector
|> Chart.withXAxisStyle (TitleText = "layer")
|> Chart.withYAxis (
    LayoutObjects.LinearAxis.init (
        Title = Title.init "second moment",
        AxisType = StyleParam.AxisType.Log,
        ExponentFormat = StyleParam.ExponentFormat.Power
    )
)
|> figure
    "signals"
    "Second moment of signals and of gradients in each of thirty layers at the start, by function and size of the weights; a network can be trained where its line is level in both, signal and gradient. Glorot and Bengio's figures 6 and 7 show the same for five layers of tanh as histograms: with the usual weights the gradients narrow from layer to layer on their way back, with normalized ones all layers look alike."
(*** include-it-raw ***)
let lostOrders (layers: (float * float)[]) =
    0.5 * log10 (snd (Array.last layers) / snd layers[0])

settle
    glorot
    [
        for (seed, usual), (_, normalized) in
            List.zip (ofPairing "tanh, 1/(3n) (usual before 2010)") (ofPairing "tanh, 1/n") ->
            seed, lostOrders usual - lostOrders normalized
    ]
    signalSeconds

settle
    heFlat
    [ for seed, layers in ofPairing "ReLU, 2/n" -> seed, forwardFactor layers ]
    signalSeconds

settle
    xavierHalves
    [ for seed, layers in ofPairing "ReLU, 1/n" -> seed, forwardFactor layers ]
    signalSeconds

settle
    seluFixed
    [
        for seed in signalSeeds ->
            seed,
            abs (
                fst (Array.last (signals ActivationKind.Selu WeightScale.LeCun 1.0 4.0 seed))
                - 1.0
            )
    ]
    signalSeconds
(*** include-output ***)
(**
## Experiment: thirty layers that learn, and thirty that do not

The network of He et al.'s figure 3 in small: thirty hidden layers of 64 rectifiers, on 1,297 handwritten digits of 8x8 pixels (Alpaydin and Kaynak; scikit-learn's set), by gradient
descent with a momentum of 0.9, at a rate of 0.003. Only the starting weights differ.
*)
let digits, digitsTest = Classifiers.digits page.Seed

let sgd: string * (Parameter<float32> seq -> Optimizer<float32>) =
    "gradient descent, momentum 0.9", fun parameters -> Sgd<float32>(parameters, 0.9)

let adam: string * (Parameter<float32> seq -> Optimizer<float32>) =
    "Adam", fun parameters -> Adam<float32>(parameters, beta1 = 0.9, beta2 = 0.98, eps = 1e-9)

let model (examples: Examples) (hidden: int list) kind scale =
    MlpSettings(
        Inputs = examples.Features,
        Hidden = Array.ofList hidden,
        Outputs = examples.Classes,
        Activation = kind,
        Scale = scale
    )

let course name seed (model: MlpSettings) optimizer rate steps (train: Examples) looks =
    {
        Name = name
        Seed = seed
        Settings = string model
        Model = fun stream -> Mlp<float32>(model, stream)
        Optimizer = optimizer
        Rate = (fun _ -> rate)
        Steps = steps
        BatchSize = 64
        Train = train
        Augment = None
        LooksEvery = looks
    }

let seeds = [ for i in 0 .. page.Pick(quick = 1, standard = 2) -> page.Seed + uint64 i ]
let deepSteps = page.Pick(quick = 60, standard = 600)

let deep =
    Classifiers.trainAll
        tape
        "thirty layers"
        [
            for name, scale in [ "2/n", WeightScale.He; "1/n", WeightScale.Xavier ] do
                for seed in seeds ->
                    course
                        $"deep-{scale}-{seed}"
                        seed
                        (model digits (List.replicate depth 64) ActivationKind.Relu scale)
                        sgd
                        0.003
                        deepSteps
                        digits
                        None
        ]

let deepOf scale =
    deep |> List.filter (fun (_, graduate) -> graduate.Model.Settings.Scale = scale)

let smoothed (points: (int * float)[]) =
    points
    |> Array.chunkBySize (max 1 (points.Length / 60))
    |> Array.map (fun chunk -> fst (Array.last chunk), Array.averageBy snd chunk)

[
    for name, scale, colour in
        [ "2/n", WeightScale.He, Palette.blue; "1/n", WeightScale.Xavier, Palette.red ] do
        for course, graduate in deepOf scale do
            let points = smoothed graduate.Losses

            Chart.Line(
                x = Array.map fst points,
                y = Array.map snd points,
                Name = $"variance {name}, seed {course.Seed}",
                LineColor = colour
            )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "training loss, nats")
|> figure
    "thirty-layers"
    "Training loss of thirty layers of rectifiers: solid from weights of variance 2/n, dashed from 1/n, a line for each seed; ln 10 = 2.30 is the loss of knowing nothing. He et al.'s figure 3 shows a convolutional network of thirty layers on ImageNet: it learns from 2/n, and from 1/n its error stays where it began."
(*** include-it-raw ***)
settle
    heTrains
    [
        for he, xavier in List.zip (deepOf WeightScale.He) (deepOf WeightScale.Xavier) ->
            (fst he).Seed, Classifiers.finalLoss xavier - Classifiers.finalLoss he
    ]
    (Classifiers.totalSeconds deep)
(*** include-output ***)
(**
## Experiment: how fast tanh and rectifiers learn

Krizhevsky et al. compared them on a small convolutional network, each at the learning rate that made it fastest. We do that with three hidden layers of 256 on 8,000 images of MNIST: for
each function a row of rates, and for each seed the rate that needs the fewest steps until 2 % of the training images are wrong.
*)
let mnist, mnistTest =
    let train, test = Classifiers.mnist ()

    let some (examples: Examples) count =
        examples.Take(ReadOnlySpan [| 0 .. min count examples.Count - 1 |])

    some train (page.Pick(quick = 1000, standard = 8000)),
    some test (page.Pick(quick = 500, standard = 2000))

let raceSteps = page.Pick(quick = 40, standard = 600)
let rates = page.Pick(quick = [ 0.03; 0.1 ], standard = [ 0.01; 0.03; 0.1 ])
let raceSeeds = List.truncate (page.Pick(quick = 1, standard = 3)) seeds

/// Each function with the starting weights that belong to it.
let racers =
    [
        "tanh", ActivationKind.Tanh, WeightScale.Xavier
        "ReLU", ActivationKind.Relu, WeightScale.He
    ]

let race =
    Classifiers.trainAll
        tape
        "race"
        [
            for name, kind, scale in racers do
                for rate in rates do
                    for seed in raceSeeds ->
                        course
                            $"race-{name}-{rate}-{seed}"
                            seed
                            (model mnist [ 256; 256; 256 ] kind scale)
                            sgd
                            rate
                            raceSteps
                            mnist
                            (Some 20)
        ]

/// The first step at which no more than the goal is wrong; None if there is none.
let reached (graduate: Graduate<Mlp<float32>>) =
    graduate.Errors |> Array.tryFind (fun (_, error) -> error <= goal) |> Option.map fst

let raceOf kind rate =
    race
    |> List.filter (fun (course, graduate) ->
        graduate.Model.Settings.Activation = kind && course.Rate 1 = rate)

table
    ("function" :: [ for rate in rates -> $"rate %g{rate}" ])
    [
        for name, kind, _ in racers ->
            name
            :: [
                for rate in rates ->
                    raceOf kind rate
                    |> List.map (fun (_, graduate) ->
                        match reached graduate with
                        | Some step -> string step
                        | None when graduate.Diverged -> "diverged"
                        | None -> $"> {raceSteps}")
                    |> String.concat ", "
            ]
    ]
(*** include-it-raw ***)
let fewestSteps kind seed =
    race
    |> List.filter (fun (course, graduate) ->
        graduate.Model.Settings.Activation = kind && course.Seed = seed)
    |> List.choose (snd >> reached)
    |> function
        | [] -> nan
        | steps -> float (List.min steps)

let fewestOf kind = raceSeeds |> List.averageBy (fewestSteps kind)

/// Who needed fewer steps, in words.
let raceWinner =
    let relu, tanh = fewestOf ActivationKind.Relu, fewestOf ActivationKind.Tanh

    if relu < tanh then
        $"ReLU needs %.0f{relu} steps where tanh needs %.0f{tanh}"
    else
        $"tanh needs %.0f{tanh} steps, ReLU %.0f{relu}"

settle
    faster
    [
        for seed in raceSeeds ->
            seed, fewestSteps ActivationKind.Tanh seed / fewestSteps ActivationKind.Relu seed
    ]
    (Classifiers.totalSeconds race)
(*** include-output ***)
[
    for name, kind, _ in racers do
        for rate, dash in
            List.zip
                rates
                (List.truncate
                    rates.Length
                    [
                        StyleParam.DrawingStyle.Dot
                        StyleParam.DrawingStyle.Dash
                        StyleParam.DrawingStyle.DashDot
                        StyleParam.DrawingStyle.Solid
                    ]) do
            let _, graduate = List.head (raceOf kind rate)

            Chart.Line(
                x = Array.map fst graduate.Errors,
                y = [ for _, error in graduate.Errors -> 100.0 * error ],
                Name = $"{name}, rate %g{rate}",
                LineColor =
                    (if kind = ActivationKind.Tanh then Palette.orange else Palette.blue),
                LineDash = dash
            )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "training error, %")
|> figure
    "race"
    "Training error on MNIST over the steps, of tanh and of rectifiers, at several learning rates; lines of one pattern have the same rate. Figure 1 of Krizhevsky et al. has two such lines for four convolutional layers on CIFAR-10: rectifiers come to 25 % six times sooner than tanh."
(*** include-it-raw ***)
(**
## Experiment: rectifiers that die

Three hidden layers of 100 on the digits, plain gradient descent at a sensible rate, and the same with a rate twenty times as large for the first five steps. A step too far pushes a unit's sums
below 0 for every example; there its derivative is 0, so nothing brings it back. Counted after training: units that are not above 0 for any training example.
*)
let plain: string * (Parameter<float32> seq -> Optimizer<float32>) =
    "gradient descent", (fun parameters -> Sgd<float32> parameters)

let sensible, tooLarge = 0.05, 1.0
let dyingSteps = page.Pick(quick = 60, standard = 400)

let mortalKinds =
    [
        ActivationKind.Relu
        ActivationKind.LeakyRelu
        ActivationKind.PRelu
        ActivationKind.Elu
        ActivationKind.Gelu
    ]

let mortals =
    Classifiers.trainAll
        tape
        "large steps"
        [
            for kind in mortalKinds do
                for rate in [ sensible; tooLarge ] do
                    for seed in seeds ->
                        { course
                              $"large-steps-{kind}-{rate}-{seed}"
                              seed
                              (model digits [ 100; 100; 100 ] kind WeightScale.He)
                              plain
                              sensible
                              dyingSteps
                              digits
                              None with
                            Rate = fun step -> if step <= 5 then rate else sensible
                        }
        ]

/// The share of hidden units that are not above 0 for any example.
let deadShare (network: Mlp<float32>) (examples: Examples) =
    tape.Clear()
    let struct (x, _) = examples.Batch<float32>(ReadOnlySpan [| 0 .. examples.Count - 1 |])
    network.Logits(tape.Constant x) |> ignore

    let layers =
        [
            for variable in tape.Recorded do
                if variable.Place.EndsWith ".activation" then
                    variable.Value.Shape.Columns, variable.Value.ToArray()
        ]

    let isSilent (columns: int, values: float32[]) unit' =
        Seq.forall (fun i -> values[i] <= 0.0f) (seq { unit'..columns .. values.Length - 1 })

    let silent =
        layers
        |> List.sumBy (fun (columns, values) ->
            Seq.length (Seq.filter (isSilent (columns, values)) (seq { 0 .. columns - 1 })))

    float silent / float (List.sumBy fst layers)

let mortalsOf kind rate =
    mortals
    |> List.filter (fun (course, graduate) ->
        graduate.Model.Settings.Activation = kind && course.Rate 1 = rate)

let percentDead (graduate: Graduate<Mlp<float32>>) =
    if graduate.Diverged then nan else 100.0 * deadShare graduate.Model digits

let average format (values: float list) =
    if List.exists Double.IsNaN values then
        "diverged"
    else
        (List.average values: float)
            .ToString(format, Globalization.CultureInfo.InvariantCulture)

table
    [
        "function"
        "rate of the first five steps"
        "units never above 0, %"
        "training loss"
        "test error, %"
    ]
    [
        for kind in mortalKinds do
            for rate in [ sensible; tooLarge ] ->
                let runs = mortalsOf kind rate
                let finished = runs |> List.filter (fun (_, graduate) -> not graduate.Diverged)
                let lost = runs.Length - finished.Length

                let mean format measure =
                    if finished.IsEmpty then "–" else average format (List.map measure finished)

                [
                    nameOf[kind]
                    (if lost = 0 then
                         $"%g{rate}"
                     else
                         $"%g{rate}; {lost} of {runs.Length} diverged")
                    mean "F1" (snd >> percentDead)
                    mean "F3" Classifiers.finalLoss
                    mean "F1" (fun (_, graduate) ->
                        100.0 * Classifiers.errorRate tape graduate.Model digitsTest)
                ]
    ]
(*** include-it-raw ***)
settle
    dying
    [
        for (course, large), (_, small) in
            List.zip
                (mortalsOf ActivationKind.Relu tooLarge)
                (mortalsOf ActivationKind.Relu sensible) ->
            course.Seed, percentDead large - percentDead small
    ]
    (Classifiers.totalSeconds mortals)
(*** include-output ***)
(**
A slope below 0 does not make a step shorter: what kills rectifiers may make a network of unbounded functions diverge, all numbers growing until one is not a number. What a slope does is let something through
everywhere. A rectifier network can be dead before its first step: if all units of one layer happen to be below 0 for every example, everything above is constant, and nothing below gets a
gradient. The thinner the layers and the more of them, the likelier. The table shows how many of many random networks, thirty layers of 4 units on the two moons of the
next section, have a first layer that gets none:
*)
let pointsOf name seed count =
    let stream = RandomStream(seed).Split name

    [|
        for i in 0 .. count - 1 ->
            let label = i % 2

            let x, y =
                if name = "xor" then
                    let a, b = stream.NextBelow 2, 0
                    let b = if label = 1 then 1 - a else a + b
                    2.0 * float a - 1.0, 2.0 * float b - 1.0
                else
                    let angle = Math.PI * stream.NextUniform()

                    if label = 0 then
                        cos angle - 0.5, sin angle - 0.25
                    else
                        0.5 - cos angle, 0.25 - sin angle

            let noise = if name = "xor" then 0.35 else 0.12
            (x + noise * stream.NextNormal(), y + noise * stream.NextNormal()), label
    |]

let examplesOf (points: ((float * float) * int)[]) =
    let numbers = points |> Array.collect (fun ((x, y), _) -> [| float32 x; float32 y |])

    Examples(
        Tensor<float32>.From(Shape(points.Length, 2), ReadOnlySpan numbers),
        Array.map snd points,
        2
    )

let births = page.Pick(quick = 20, standard = 200)

/// The share of random networks whose first layer gets no gradient at all.
let bornDead kind (seed: uint64) =
    let stream = RandomStream(seed).Split("born dead")
    let examples = examplesOf (pointsOf "two moons" seed 200)
    let struct (x, labels) = examples.Batch<float32>(ReadOnlySpan [| 0 .. examples.Count - 1 |])

    let isDead i =
        let network =
            Mlp<float32>(
                model examples (List.replicate depth 4) kind WeightScale.He,
                stream.Split $"network {i}"
            )

        tape.Clear()
        let loss = network.Loss(tape.Constant x, labels)

        for parameter in network.Parameters do
            parameter.ZeroGradient()

        tape.Backward loss
        (Seq.head network.Parameters).Gradient.ToArray() |> Array.forall ((=) 0.0f)

    100.0 * float (Seq.length (Seq.filter isDead (seq { 1..births }))) / float births

let birthRates, birthSeconds =
    timed (fun () ->
        dict
            [
                for kind in mortalKinds ->
                    kind, [ for seed in seeds -> seed, bornDead kind seed ]
            ])

table
    [ "function"; "born dead, %" ]
    [
        for kind in mortalKinds ->
            [ nameOf[kind]; plusMinus "F1" (List.map snd birthRates[kind]) ]
    ]
(*** include-it-raw ***)
settle
    cure
    [
        for (seed, relu), (_, leaky) in
            List.zip birthRates[ActivationKind.Relu] birthRates[ActivationKind.LeakyRelu] ->
            seed, relu - leaky
    ]
    birthSeconds
(*** include-output ***)
(**
## Experiment: what a network draws

Exclusive or with noise, and the two moons: two hidden layers of 16, one function at a time. The background is the probability of the second class.
*)
let sets =
    [
        for name in [ "two moons"; "xor" ] ->
            name, pointsOf name page.Seed 400, pointsOf name (page.Seed + 100UL) 1000
    ]

let painters =
    [
        ActivationKind.Identity
        ActivationKind.Sigmoid
        ActivationKind.Tanh
        ActivationKind.Relu
        ActivationKind.Elu
        ActivationKind.Gelu
        ActivationKind.SwiGlu
    ]

let boundaryOf (name: string) (kind: ActivationKind) =
    $"boundary-{name.Replace(' ', '-')}-{kind}"

let paintings =
    Classifiers.trainAll
        tape
        "boundaries"
        [
            for name, train, _ in sets do
                for kind in painters ->
                    course
                        (boundaryOf name kind)
                        page.Seed
                        (model (examplesOf train) [ 16; 16 ] kind WeightScale.Xavier)
                        adam
                        0.01
                        (page.Pick(quick = 50, standard = 400))
                        (examplesOf train)
                        None
        ]

let paintingOf name (kind: ActivationKind) =
    paintings |> List.find (fun (course, _) -> course.Name = boundaryOf name kind) |> snd

let accuracyOf (name, _, test) kind =
    100.0 * (1.0 - Classifiers.errorRate tape (paintingOf name kind).Model (examplesOf test))

table
    ("accuracy on new points, %" :: [ for kind in painters -> nameOf[kind] ])
    [
        for set in sets ->
            let name, _, _ = set
            name :: [ for kind in painters -> $"%.1f{accuracyOf set kind}" ]
    ]
(*** include-it-raw ***)
let moons = List.head sets

settle
    bending
    [
        (page.Seed,
         accuracyOf moons ActivationKind.Relu - accuracyOf moons ActivationKind.Identity)
    ]
    (Classifiers.totalSeconds paintings)
(*** include-output ***)
let grid = [| for i in 0..39 -> -2.0 + 4.0 * float i / 39.0 |]

[
    for name, train, _ in sets do
        for kind in painters ->
            let network = (paintingOf name kind).Model

            let probabilities =
                let points =
                    [|
                        for y in grid do
                            for x in grid -> (x, y), 0
                    |]

                tape.Clear()
                use _ = tape.Inference()

                let struct (x, _) =
                    (examplesOf points)
                        .Batch<float32>(ReadOnlySpan [| 0 .. points.Length - 1 |])

                network.Logits(tape.Constant x).Value.ToArray()
                |> Array.chunkBySize 2
                |> Array.map (fun row -> Math.Round(sigmoid (float row[1] - float row[0]), 3))
                |> Array.chunkBySize grid.Length

            let scatter label colour =
                let shown =
                    train
                    |> Array.filter (fun (_, other) -> other = label)
                    |> Array.truncate 100

                Chart.Point(
                    x = [ for (x, _), _ in shown -> Math.Round(x, 3) ],
                    y = [ for (_, y), _ in shown -> Math.Round(y, 3) ],
                    Name = $"class {label}",
                    MarkerColor = colour
                )

            $"{name}, {nameOf[kind]}",
            Chart.combine
                [
                    Chart.Heatmap(
                        zData = probabilities,
                        X = grid,
                        Y = grid,
                        ColorScale = StyleParam.Colorscale.Viridis,
                        ShowScale = false
                    )
                    scatter 0 Palette.sky
                    scatter 1 Palette.orange
                ]
]
|> selector
|> Chart.withXAxisStyle (TitleText = "first input")
|> Chart.withYAxisStyle (TitleText = "second input")
|> figure
    "boundaries"
    "Probability of the second class over the plane, the lighter the more, with the points of both classes, for each set and function: straight without a bend, in straight pieces with rectifiers, smooth with the others."
(*** include-it-raw ***)
(**
## Experiment: all of them on one task

Two hidden layers of 128 on 8,000 images of MNIST, Adam, five epochs or so, the same batches for all. A gated layer has two matrices where a plain one has one, so gated ones are narrower: as
wide as keeps the number of parameters at most that of the others.
*)
let hiddenWidth = 128

/// The widest gated layers with no more parameters than plain ones.
let gatedWidth =
    let parameters kind width =
        Mlp<float32>(model mnist [ width; width ] kind WeightScale.He, RandomStream 0UL)
            .ParameterCount

    let limit = parameters ActivationKind.Relu hiddenWidth

    [ 1..hiddenWidth ]
    |> List.filter (fun width -> parameters ActivationKind.SwiGlu width <= limit)
    |> List.last

let contestants =
    [
        for f in functions ->
            let scale =
                match f.Kind with
                | ActivationKind.Sigmoid
                | ActivationKind.HardSigmoid
                | ActivationKind.Tanh
                | ActivationKind.HardTanh -> WeightScale.Xavier
                | ActivationKind.Elu
                | ActivationKind.Selu -> WeightScale.LeCun
                | _ -> WeightScale.He

            f.Name, f.Kind, scale, hiddenWidth
        for name, kind, _ in gatedKinds -> name, kind, WeightScale.Xavier, gatedWidth
    ]

let contestSteps = page.Pick(quick = 20, standard = 300)

let contest =
    Classifiers.trainAll
        tape
        "contest"
        [
            for name, kind, scale, width in contestants do
                for seed in seeds ->
                    { course
                          $"contest-{kind}-{seed}"
                          seed
                          (model mnist [ width; width ] kind scale)
                          adam
                          1e-3
                          contestSteps
                          mnist
                          None with
                        BatchSize = 128
                        // Falls to 0 in a straight line.
                        Rate =
                            fun step ->
                                1e-3 * float (contestSteps - step + 1) / float contestSteps
                    }
        ]

let contestOf kind =
    contest |> List.filter (fun (_, graduate) -> graduate.Model.Settings.Activation = kind)

let testLosses kind =
    [
        for course, graduate in contestOf kind ->
            course.Seed, Classifiers.loss tape graduate.Model mnistTest
    ]

let lossesByKind = dict [ for _, kind, _, _ in contestants -> kind, testLosses kind ]

let errorsByKind =
    dict
        [
            for _, kind, _, _ in contestants ->
                kind,
                [
                    for _, graduate in contestOf kind ->
                        100.0 * Classifiers.errorRate tape graduate.Model mnistTest
                ]
        ]

/// Loss of a kind minus that of the rectifier, seed by seed.
let lessRelu kind =
    List.map2
        (fun (_, loss) (_, relu) -> loss - relu)
        lossesByKind[kind]
        lossesByKind[ActivationKind.Relu]

table
    [
        "function"
        "parameters"
        "test loss, nats"
        "loss minus ReLU's"
        "test error, %"
        "seconds a run"
    ]
    [
        for name, kind, _, _ in
            contestants
            |> List.sortBy (fun (_, kind, _, _) -> List.averageBy snd lossesByKind[kind]) ->
            let runs = contestOf kind

            [
                name
                string (snd runs.Head).Model.ParameterCount
                plusMinus "F4" (List.map snd lossesByKind[kind])
                (if kind = ActivationKind.Relu then "" else plusMinus "F4" (lessRelu kind))
                plusMinus "F2" errorsByKind[kind]
                $"%.2f{runs |> List.averageBy (fun (_, graduate) -> graduate.Seconds)}"
            ]
    ]
(*** include-it-raw ***)
let slopes =
    [
        for _, graduate in contestOf ActivationKind.PRelu do
            for parameter in graduate.Model.Parameters do
                if parameter.Name.EndsWith ".slope" then
                    let slope = parameter.Value.ToScalar() in $"%.2f{slope}"
    ]

printfn $"""slopes that PReLU learned, from 0.25: {String.Join(", ", slopes)}"""

let secondsOf kinds =
    contest
    |> List.filter (fun (course, graduate) ->
        List.contains graduate.Model.Settings.Activation kinds)
    |> Classifiers.totalSeconds

let settleAgainstRelu claim kind =
    settle
        claim
        (List.map2
            (fun (seed, _) difference -> seed, -difference)
            lossesByKind[kind]
            (lessRelu kind))
        (secondsOf [ ActivationKind.Relu; kind ])

settleAgainstRelu geluBetter ActivationKind.Gelu
settleAgainstRelu gatesBetter ActivationKind.SwiGlu
(*** include-output ***)
(**
## Break it: the wrong function at the output

At the output the question is not which bend but which loss. Softmax with cross-entropy sends back $p - q$ (CE-3): as large as the mistake. With a squared error behind the softmax, $(p - q)$ passes
SM-2 once more, which is nearly 0 where the softmax is sure of itself, right or wrong. Longhand, on Fisher's iris flowers (150, four measures, three kinds): a linear map by full gradient
descent, from a start that is sure and wrong (each kind is taken for the next one).
*)
let irisTable = reading (fun () -> NumberTable.Read(dataFile "sklearn/iris.csv.gz", 1))

let irisLabels = [| for i in 0 .. irisTable.Rows - 1 -> int irisTable[i, 4] |]

/// Measures with mean 0 and variance 1, and a column of ones for the bias.
let iris: Matrix<float> =
    let ones = vector (Seq.replicate irisTable.Rows 1.0)

    let measures =
        [
            for j in 0..3 ->
                let column = vector [ for i in 0 .. irisTable.Rows - 1 -> irisTable[i, j] ]
                (column - column.Mean()) / Statistics.StandardDeviation column
        ]

    Matrix<float>.Build.DenseOfColumnVectors(measures @ [ ones ])

let irisTargets: Matrix<float> =
    Matrix<float>
        .Build.Dense(irisTable.Rows, 3, (fun i j -> if irisLabels[i] = j then 1.0 else 0.0))

let softmaxRows (logits: Matrix<float>) : Matrix<float> =
    Matrix<float>
        .Build.DenseOfRowVectors(
            logits.EnumerateRows()
            |> Seq.map (fun row ->
                let e = (row - row.Maximum()).PointwiseExp()
                e / e.Sum())
        )

/// The accuracy at each step of descent, with the gradient at the logits that a loss sends back.
let descend (atLogits: Matrix<float> -> Matrix<float>) (start: Matrix<float>) =
    let mutable weights = start

    [
        for step in 0..300 ->
            let p = softmaxRows (iris * weights)

            let right =
                Seq.zip (p.EnumerateRows()) irisLabels
                |> Seq.filter (fun (row, label) -> row.MaximumIndex() = label)
                |> Seq.length

            weights <- weights - 0.5 * (iris.Transpose() * atLogits p) / float iris.RowCount
            step, 100.0 * float right / float iris.RowCount
    ]

let crossEntropyGradient (p: Matrix<float>) = p - irisTargets // CE-3

let squaredGradient (p: Matrix<float>) : Matrix<float> =
    let d = 2.0 * (p - irisTargets)
    let along = (p.PointwiseMultiply d).RowSums()
    p.PointwiseMultiply(d.MapIndexed(fun i _ value -> value - along[i])) // SM-2

// The mean measures of each kind, given to the next kind, ten times as large.
let wrongStart =
    let means = (iris.Transpose() * irisTargets) / 50.0
    10.0 * Matrix<float>.Build.Dense(5, 3, (fun i j -> means[i, (j + 2) % 3]))

let recoveries =
    [
        "softmax, cross-entropy", descend crossEntropyGradient wrongStart, Palette.blue
        "softmax, squared error", descend squaredGradient wrongStart, Palette.red
    ]

[
    for name, curve, colour in recoveries ->
        Chart.Line(
            x = List.map fst curve,
            y = List.map snd curve,
            Name = name,
            LineColor = colour
        )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "iris flowers classified rightly, %")
|> figure
    "output"
    "Recovery from a start that is sure and wrong: with cross-entropy at once, with a squared error behind the softmax hardly at all. Glorot and Bengio's figure 5 has the two costs as surfaces over two weights: the squared error has the flatter plateaus."
(*** include-it-raw ***)
for name, curve, _ in recoveries do
    printfn
        $"{name}: %.1f{snd (List.head curve)} %% at the start, %.1f{snd (List.last curve)} %% after 300 steps"
(*** include-output ***)
(**
## Which one to take

Each row rests on runs of this page, in the section that it names; where they do not bear it out, it says so.
*)
let lossText kind = plusMinus "F4" (lessRelu kind)
let outputAccuracy i = let _, curve, _ = recoveries[i] in snd (List.last curve)
let signalOf name = ofPairing name |> List.averageBy (snd >> Array.last >> fst)
let gradientOf name = ofPairing name |> List.averageBy (snd >> Array.head >> snd)
let lostOf name = ofPairing name |> List.averageBy (snd >> lostOrders)
let deadText kind = plusMinus "F1" (List.map snd birthRates[kind])
let reluSignal, seluSignal = signalOf "ReLU, 2/n", signalOf "SELU, 1/n"
let tanhSignal, geluSignal = signalOf "tanh, 1/n", formatted "0.0e+0" (signalOf "GELU, 2/n")
let sigmoidGradient = formatted "0e+0" (gradientOf "sigmoid, 1/n")
let lostNormalized, lostUsual = lostOf "tanh, 1/n", lostOf "tanh, 1/(3n) (usual before 2010)"
let isBorneOut fact = if fact then "yes" else "no"

/// True if a kind's loss is lower than that of the rectifier by more than the scatter.
let isBetterThanRelu kind =
    let mean, margin = interval (lessRelu kind)
    mean + margin < 0.0

table
    [ "for"; "take"; "because"; "section"; "borne out here" ]
    [
        [
            "hidden layers, no other reason"
            "ReLU, weights of variance 2/n"
            $"%.2f{reluSignal} of a signal is left after {depth} layers; {raceWinner}"
            "A signal through thirty layers; How fast"
            isBorneOut (reluSignal > 0.1 && raceWinner.StartsWith "ReLU")
        ]
        [
            "hidden layers, where a few percent of time do not matter"
            "GELU"
            $"loss minus ReLU's {lossText ActivationKind.Gelu}; SiLU {lossText ActivationKind.Swish}, Mish {lossText ActivationKind.Mish}"
            "All of them on one task"
            isBorneOut (isBetterThanRelu ActivationKind.Gelu)
        ]
        [
            "units that die, thin layers"
            "leaky ReLU, PReLU or ELU, and shorter steps"
            $"networks born dead, %%: ReLU {deadText ActivationKind.Relu}, leaky ReLU {deadText ActivationKind.LeakyRelu}, PReLU {deadText ActivationKind.PRelu}, ELU {deadText ActivationKind.Elu}"
            "Rectifiers that die"
            isBorneOut (
                List.averageBy snd birthRates[ActivationKind.LeakyRelu] + 20.0
                <= List.averageBy snd birthRates[ActivationKind.Relu]
            )
        ]
        [
            "deep stacks without normalization"
            "SELU, weights of variance 1/n"
            $"second moment of a signal after {depth} layers: SELU %.2f{seluSignal}, tanh %.2f{tanhSignal}, GELU {geluSignal}"
            "A signal through thirty layers"
            isBorneOut (abs (seluSignal - 1.0) < 0.15 && tanhSignal < 0.1)
        ]
        [
            "feed-forward layers of a Transformer"
            "SwiGLU or GEGLU, two thirds as wide"
            $"loss minus ReLU's, at as many parameters, in a perceptron on MNIST: SwiGLU {lossText ActivationKind.SwiGlu}, GEGLU {lossText ActivationKind.GeGlu}, GLU {lossText ActivationKind.Glu}"
            "All of them on one task"
            isBorneOut (isBetterThanRelu ActivationKind.SwiGlu)
        ]
        [
            "gates, and yes-or-no outputs; not hidden layers"
            "sigmoid, with its loss from log sigmoid"
            $"as a hidden function its loss is {lossText ActivationKind.Sigmoid} above ReLU's; {sigmoidGradient} of a gradient's square gets through {depth} layers; the naive logarithm fails"
            "All of them on one task; A signal through thirty layers; Numerical stability"
            isBorneOut (List.average (lessRelu ActivationKind.Sigmoid) > 0.0)
        ]
        [
            "one class of several, as output"
            "softmax with cross-entropy"
            $"after a start that is sure and wrong %.0f{outputAccuracy 0} %% right, with a squared error %.0f{outputAccuracy 1} %%"
            "The wrong function at the output"
            isBorneOut (outputAccuracy 0 > outputAccuracy 1 + 20.0)
        ]
        [
            "states that must stay bounded"
            "tanh, weights of variance 1/n"
            $"a gradient loses %.1f{lostNormalized} orders of magnitude over {depth} layers; %.1f{lostUsual} with the weights usual before 2010"
            "A signal through thirty layers"
            isBorneOut (lostUsual - lostNormalized > 3.0)
        ]
        [
            "processors without a fast exponential"
            "hard Swish"
            $"loss minus ReLU's: hard Swish {lossText ActivationKind.HardSwish}, the Swish that it stands for {lossText ActivationKind.Swish}"
            "All of them on one task"
            isBorneOut (
                abs (
                    List.average (lessRelu ActivationKind.HardSwish)
                    - List.average (lessRelu ActivationKind.Swish)
                )
                    <
                    0.02
            )
        ]
    ]
(*** include-it-raw ***)
(**
## Papers say, we did

| the papers say | we did | why |
|:--|:--|:--|
| Glorot and Bengio: five layers of 1,000 tanh units, Shapeset and others | thirty layers of 256, random inputs, no training | what is measured is the start; more layers show it more clearly |
| Glorot and Bengio: uniform weights | normal weights of the same variance | only the variance enters the derivation |
| He et al.: 22 and 30 convolutional layers, ImageNet | thirty linear layers of 64, digits of 8x8 | minutes |
| He et al.: one slope of PReLU for each channel | one for each layer (their channel-shared variant) | a linear layer has no channels; the rule has both |
| Krizhevsky et al.: four convolutional layers, CIFAR-10, 25 % training error | three linear layers, MNIST, 2 % | no convolution on this page, and an easier task needs a lower goal |
| Hendrycks and Gimpel: seven layers of 128 on MNIST, median of five runs | two layers of 128, three seeds with intervals | time |
| Shazeer: gates in a Transformer, log-perplexity | gates in a perceptron, MNIST | the same comparison at equal parameters |
| Klambauer et al.: alpha dropout | none | nothing here drops units of a SELU network |
| Ramachandran et al. also learn β | β is a constant | they report little gain |

**Errata.** Courbariaux et al. define the hard sigmoid by $x/2 + \tfrac12$; libraries differ ($x/5$ in older Keras, $x/6$ in PyTorch and here). Programs that say GELU mean one of two functions
that differ by up to 5·10⁻⁴.

## Exercises

**1. Write a pullback.** *Softsign*, $y = x / (1 + |x|)$ (Turian et al. 2009), comes to its limits like $1/x$ where tanh does like $e^{-2x}$. Derive its derivative, put it below, and run the page again.
*)
let softsign (x: float) = x / (1.0 + abs x)

/// Yours to write: the derivative of softsign.
let softsignSlope (x: float) : float = 0.0

/// The worst error of a derivative against central differences, away from 0.
let errorOfSlope (value: float -> float) (slope: float -> float) =
    let rule (tape: Tape<float>) (inputs: Variable<float>[]) =
        let x = inputs[0].Value
        let y = Tensor<float>.From(x.Shape, ReadOnlySpan(Array.map value (x.ToArray())))

        let back =
            Pullback<float>(fun dy gradients ->
                if gradients.Wants 0 then
                    let slot = gradients.Slot(0)

                    for i in 0 .. x.Length - 1 do
                        slot.Span[i] <- slot.Span[i] + slope x.Span[i] * dy.Span[i])

        tape.Record("function", struct (y, back), inputs)

    let points = [| -3.0; -1.5; -0.4; 0.3; 0.9; 2.5 |]

    GradCheck.Worst(
        GradCheck.Run(
            rule,
            [| Tensor<float>.From(Shape 6, ReadOnlySpan points) |],
            [||],
            random
        )
    )

let exercise1 = errorOfSlope softsign softsignSlope

printfn
    "exercise 1: %s"
    (if exercise1 < 1e-6 then "solved" else $"still open, error %.1e{exercise1}")
(*** include-output ***)
(*** hide ***)
check
    "the solution of exercise 1"
    (errorOfSlope softsign (fun x -> 1.0 / (1.0 + abs x) ** 2.0))
    1e-6
(**
<details><summary>Solution</summary>

For $x > 0$ the quotient rule gives $(1 + x - x) / (1 + x)^2$, for $x < 0$ likewise with $-x$: $1 / (1 + |x|)^2$.

</details>

**2. Find the bug.** A colleague's SiLU trains worse than the rectifier. Its value is right. What is wrong with its derivative, and at which $x$ would you not have noticed?
*)
let suspectSlope (x: float) = sigmoid x + sigmoidSlope x

let exercise2 = errorOfSlope (fun x -> x * sigmoid x) suspectSlope

printfn
    "exercise 2: %s"
    (if exercise2 < 1e-6 then "solved" else $"still open, error %.1e{exercise2}")
(*** include-output ***)
(*** hide ***)
check
    "the solution of exercise 2"
    (errorOfSlope (fun x -> x * sigmoid x) (fun x -> sigmoid x + x * sigmoidSlope x))
    1e-6
(**
<details><summary>Solution</summary>

The product rule's second term is $x\,\sigma'(x)$; the factor $x$ is missing. At $x = 1$ both agree.

</details>

**3.** Which variance of the weights keeps a signal's size behind a *leaky* rectifier of slope $\alpha$? Check your formula with `signals` and $\alpha = 0.01$, and say why PReLU's authors could ignore it.

<details><summary>Solution</summary>

$E[f(y)^2] = \frac12(1 + \alpha^2) \operatorname{Var}(y)$, so the variance is $2 / (n (1 + \alpha^2))$ (their equation 15): for 0.01 a ten-thousandth less than $2/n$.

</details>

**4.** GELU behind weights of variance $2/n$ loses the signal over thirty layers, though it resembles the rectifier. Compute $E[\operatorname{gelu}(z)^2]$ with `moment` and say which variance would keep it, and whether
that fixed point is stable.

<details><summary>Hint</summary>

The rectifier is homogeneous, $f(cx) = c f(x)$ for $c > 0$, so one variance fits all sizes of signals. GELU is not: for small signals it is $x/2$.

</details>

## References

- Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
- He, Zhang, Ren and Sun 2015, [Delving Deep into Rectifiers](https://arxiv.org/abs/1502.01852): PReLU, and weights for rectifiers.
- Krizhevsky, Sutskever and Hinton 2012, ImageNet Classification with Deep Convolutional Neural Networks.
- Klambauer, Unterthiner, Mayr and Hochreiter 2017, [Self-Normalizing Neural Networks](https://arxiv.org/abs/1706.02515): SELU.
- Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors: the sigmoid.
- Lu, Shin, Su and Karniadakis 2019, [Dying ReLU and Initialization](https://arxiv.org/abs/1903.06733).
- LeCun, Bottou, Orr and Müller 1998, Efficient BackProp: tanh, and weights of variance 1/n.
- Dugas, Bengio, Bélisle, Nadeau and Garcia 2001, Incorporating Second-Order Functional Knowledge for Better Option Pricing: softplus.
- Collobert 2004, Large Scale Machine Learning: the hard tanh.
- Turian, Bergstra and Bengio 2009, Quadratic Features and Deep Architectures for Chunking: softsign.
- Nair and Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines.
- Maas, Hannun and Ng 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models: the leaky rectifier.
- Courbariaux, Bengio and David 2015, [BinaryConnect](https://arxiv.org/abs/1511.00363): the hard sigmoid.
- Clevert, Unterthiner and Hochreiter 2015, [Fast and Accurate Deep Network Learning by Exponential Linear Units](https://arxiv.org/abs/1511.07289).
- Hendrycks and Gimpel 2016, [Gaussian Error Linear Units](https://arxiv.org/abs/1606.08415).
- Dauphin, Fan, Auli and Grangier 2016, [Language Modeling with Gated Convolutional Networks](https://arxiv.org/abs/1612.08083): the gated linear unit.
- Elfwing, Uchibe and Doya 2017, [Sigmoid-Weighted Linear Units](https://arxiv.org/abs/1702.03118).
- Ramachandran, Zoph and Le 2017, [Searching for Activation Functions](https://arxiv.org/abs/1710.05941): Swish.
- Misra 2019, [Mish](https://arxiv.org/abs/1908.08681).
- Howard et al. 2019, [Searching for MobileNetV3](https://arxiv.org/abs/1905.02244): the hard Swish.
- Shazeer 2020, [GLU Variants Improve Transformer](https://arxiv.org/abs/2002.05202).
- The digits and the iris flowers as scikit-learn has them; MNIST by LeCun and Cortes.
*)
(*** hide ***)
finish page
