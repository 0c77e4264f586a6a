(**
---
title: Generative Adversarial Nets
category: Papers
categoryindex: 2
index: 6
description: Two networks that learn against each other; why the game has one solution, why gradient steps may circle around it, and what made it work on images.
year: 2014
keywords: generative adversarial network, GAN, DCGAN, minimax, Jensen-Shannon divergence, non-saturating loss, maxout, transposed convolution, chequerboard
time: at most 5 minutes
needs: transformer, activations, resnet
---
# Generative Adversarial Nets

Ian J. Goodfellow, Jean Pouget-Abadie, Mehdi Mirza, Bing Xu, David Warde-Farley, Sherjil Ozair, Aaron Courville, Yoshua Bengio.
Advances in Neural Information Processing Systems 27, 2014. [arXiv:1406.2661](https://arxiv.org/abs/1406.2661)

With what made it work on images: Alec Radford, Luke Metz, Soumith Chintala:
[Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks](https://arxiv.org/abs/1511.06434). ICLR 2016; first published 2015.

    [lang=text]
    @inproceedings{goodfellow2014generative,
      title     = {Generative Adversarial Nets},
      author    = {Goodfellow, Ian J. and Pouget-Abadie, Jean and Mirza, Mehdi and Xu, Bing and
                   Warde-Farley, David and Ozair, Sherjil and Courville, Aaron and Bengio, Yoshua},
      booktitle = {Advances in Neural Information Processing Systems},
      volume    = {27},
      year      = {2014}
    }
    @inproceedings{radford2016unsupervised,
      title     = {Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks},
      author    = {Radford, Alec and Metz, Luke and Chintala, Soumith},
      booktitle = {International Conference on Learning Representations},
      year      = {2016}
    }

- **What you need**: the linear map of the [first page](transformer.html#Derivation), sigmoid and softplus from [activation functions](activations.html#Derivation), and for images convolution and batch
  normalization from [residual networks](resnet.html#Derivation).
- **Time**: at most 5 minutes on two cores (30 seconds with `-- --quick`); no graphics card, no network.

## The paper in one paragraph

A *generative* model draws new examples that look like the data. Most models before 2014 did it by way of a probability for every possible example, which had to be normalized over all of them or
sampled by long Markov chains. This paper needs neither. A network $G$, the *generator*, turns noise into an example. A second network $D$, the *discriminator*, is shown examples from both sides and says how
probable it is that one is real. $D$ learns to tell them apart, $G$ learns to make $D$ wrong, both by gradients that flow through ordinary layers. If both can represent any function and $D$ is always at its best,
the generated distribution becomes that of the data, and $D$ can only say ½. The second paper found an architecture of convolutions with which this works on images: strides in place of
pooling, batch normalization, rectifiers, and small steps of Adam.

## The idea, on numbers you can follow

### Four points

Two points are real, two are generated. The discriminator is $D(x) = \sigma(sx + b)$, a straight line through the logistic function. In each round it takes fifty steps up the gradient of
$\sum \log D(\text{real}) + \sum \log(1 - D(\text{generated}))$. Then each generated point takes one step up the gradient of $\log D$, which is $(1 - D)\,s$. The table shows the discriminator of a round, and the points after their step.
*)
#load "ensure.fsx"
#load "prelude.fsx"

open System
open Hybrid.Autodiff
open Hybrid.Checkpoints
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
open MathNet.Numerics.Distributions
open MathNet.Numerics.LinearAlgebra
open MathNet.Numerics.Statistics
open Plotly.NET

(*** hide ***)
let page = Page.start "gan" [ Extra.Resume; Extra.CheckFinite; Extra.Save; Extra.Corpus ]

// Read at once, so that what cannot be used is refused before anything has run.
let images =
    match page.Corpus with
    | None -> Pictures.mnist ()
    | Some folder ->
        let pictures = Pictures.own folder

        if pictures.Height % 4 <> 0 || pictures.Width % 4 <> 0 then
            Host.refuse
                $"--corpus: the images of {folder} are {pictures.Height}x{pictures.Width}; they are halved twice, so pad them to multiples of 4."

        if pictures.Train.Count < 100 || pictures.Test.Count < 10 then
            Host.refuse
                $"--corpus: {folder} has {pictures.Train.Count} images to learn from and {pictures.Test.Count} to be tested on; 100 and 10 are the least."

        pictures

(**
*)
let sigmoid a = if a > 0.0 then 1.0 / (1.0 + exp -a) else exp a / (1.0 + exp a)
let realPoints = vector [ 0.0; 1.0 ]

/// The probability that each point is real.
let judge (slope, offset) (points: Vector<float>) : Vector<float> =
    points.Map(fun x -> sigmoid (slope * x + offset))

/// The discriminator's fifty steps, and then one step of the generated points.
let playRound (line: float * float, generated: Vector<float>) =
    let mutable slope, offset = line

    for _ in 1..50 do
        let onReal = 1.0 - judge (slope, offset) realPoints
        let onGenerated = judge (slope, offset) generated

        slope <-
            slope + 0.25 * (onReal.DotProduct realPoints - onGenerated.DotProduct generated)

        offset <- offset + 0.25 * (onReal.Sum() - onGenerated.Sum())

    let pull = slope * (1.0 - judge (slope, offset) generated)
    (slope, offset), generated + 0.2 * pull

let rounds =
    ((0.0, 0.0), vector [ -2.0; -1.0 ])
    |> Seq.unfold (fun state -> Some(state, playRound state))
    |> Seq.take 61
    |> Array.ofSeq

let spaced (format: string) (values: float seq) =
    values |> Seq.map (formatted format) |> String.concat "\u2002"

/// Two digits behind the point, and no sign before what rounds to 0.
let twoDigits = "0.00;-0.00;0.00"

table
    [ "round"; "generated points"; "D of them"; "D of the real ones"; "slope s" ]
    [
        for number in [ 0; 1; 2; 3; 5; 10; 20; 60 ] ->
            let line, generated = rounds[number]

            [
                string number
                spaced twoDigits generated
                spaced "F2" (judge line generated)
                spaced "F2" (judge line realPoints)
                formatted twoDigits (fst line)
            ]
    ]
(*** include-it-raw ***)
let lastLine, lastPoints = Array.last rounds
let span (points: Vector<float>) = points.Maximum() - points.Minimum()

check "the generated points have the mean of the real ones" (lastPoints.Mean() - 0.5) 0.01

check
    "D says one half of all four"
    ((judge lastLine realPoints - 0.5).InfinityNorm()
     + (judge lastLine lastPoints - 0.5).InfinityNorm())
    0.01

holds "but they stand closer together than the real ones" (span lastPoints < 0.9)
(*** include-output ***)
(**
Nobody told the generated points where the real ones are. They follow the slope of the discriminator, which was flat once their mean was right. That their distance is wrong, this discriminator
cannot see: a straight line compares means. What the generator learns is what the discriminator can tell.

### Stamps

The generator of images has to go from few numbers to many pixels. A *transposed convolution* does it by stamping: each number of its input puts a copy of the kernel, multiplied by that number, into
the output, and the copies stand a stride apart. Where they overlap they add. The input 1, 2, 3, a kernel of 1, 1, 1, and a stride of 2 (dots stand for 0):
*)
let stamp (kernel: Vector<float>) stride (x: Vector<float>) =
    let y = Vector<float>.Build.Dense((x.Count - 1) * stride + kernel.Count)

    for i in 0 .. x.Count - 1 do
        for u in 0 .. kernel.Count - 1 do
            y[i * stride + u] <- y[i * stride + u] + x[i] * kernel[u]

    y

let inLine (numbers: Vector<float>) =
    numbers
    |> Seq.map (fun number -> if number = 0.0 then "  ." else $"%3g{number}")
    |> String.concat ""

let onesOf count = Vector<float>.Build.Dense(count, 1.0)
let small = vector [ 1.0; 2.0; 3.0 ]

for i in 0..2 do
    let alone = Vector<float>.Build.Dense(3, fun j -> if i = j then small[i] else 0.0)
    printfn $"stamp of {small[i]}: {inLine (stamp (onesOf 3) 2 alone)}"

printfn $"together:   {inLine (stamp (onesOf 3) 2 small)}"
(*** include-output ***)
(**
Away from the ends the places got one and two stamps in turn. So a constant input does not give a constant output, unless the kernel makes up for it. With a kernel of four, all numbers but those at the ends get two. The
number of stamps that reach each place, for eight stamps of ones at a stride of 2:
*)
for kernel in 2..6 do
    printfn $"kernel of {kernel}: {inLine (stamp (onesOf kernel) 2 (onesOf 8))}"

/// The different numbers of stamps away from the ends.
let stampCounts kernel stride =
    let counts = stamp (onesOf kernel) stride (onesOf 12)

    counts.SubVector(kernel, counts.Count - 2 * kernel)
    |> Seq.distinct
    |> Seq.sort
    |> List.ofSeq

holds
    "all places get equally many stamps if and only if the stride divides the kernel"
    (List.allPairs [ 1..6 ] [ 1..3 ]
     |> List.filter (fun (kernel, stride) -> kernel >= stride)
     |> List.forall (fun (kernel, stride) ->
         ((stampCounts kernel stride).Length = 1) = (kernel % stride = 0)))
(*** include-output ***)
(**
In two dimensions the counts of rows and columns multiply. With a kernel of 3x3, pixels get one, two or four stamps, and the image has the pattern of a *chequerboard* (Odena et al. 2016). With 4x4 all get four.
*)
let stampsOfImage kernel =
    let line = stamp (onesOf kernel) 2 (onesOf 8)
    line.OuterProduct line

let countsInside kernel =
    let counts = stampsOfImage kernel
    let inside = counts.RowCount - 2 * kernel
    counts.SubMatrix(kernel, inside, kernel, inside).Enumerate() |> Seq.distinct |> set

holds "3x3: one, two or four stamps" (countsInside 3 = set [ 1.0; 2.0; 4.0 ])
holds "4x4: four stamps" (countsInside 4 = set [ 4.0 ])
(*** include-output ***)
[
    for kernel in [ 3; 4 ] ->
        let counts = stampsOfImage kernel

        $"{kernel}x{kernel}",
        mosaic 1 counts.RowCount counts.ColumnCount [ counts.ToRowMajorArray() ]
]
|> selector
|> figure
    "stamps"
    "Number of stamps that reach each pixel where eight by eight pixels are stamped at a stride of 2, the lighter the more: with a kernel of 3x3 neighbours differ, the chequerboard that Odena et al. show in generated images; with 4x4 only the edges do."
(*** include-it-raw ***)
(**
## Claims, written down before the run

Each says what the paper has, what is measured here, and from which value on it counts as reproduced, or as partly so. The threshold is on the mean over the seeds; where a claim is settled, further down, the interval
of that mean stands beside it.
*)
let optimalLearned =
    claim
        {
            Text =
                "For a fixed generator, a discriminator that is trained comes to p / (p + q)."
            Paper = "proposition 1, for a discriminator without limits; no number given"
            Measure = "mean distance of D from p / (p + q), two Gaussians, over their mixture"
            Threshold = "reproduced at most 0.02, partly at most 0.05"
            Verdict = atMost 0.02 0.05
        }

let vanishes =
    claim
        {
            Text =
                "While the discriminator is sure, log(1 − D(G(z))) teaches the generator little; −log D(G(z)) teaches it more."
            Paper = "section 3, “may not provide sufficient gradient”; no number given"
            Measure =
                "norm of the generator's gradient of −log D over that of log(1 − D), digits, after the discriminator alone has learned"
            Threshold = "reproduced from 10 on, partly from 2"
            Verdict = atLeast 10.0 2.0
        }

let findsGaussian =
    claim
        {
            Text = "The generator comes to the data's distribution."
            Paper = "figure 1, a one-dimensional Gaussian; no number given"
            Measure =
                "mean distance between quantiles of samples and of the data, in deviations of the data"
            Threshold = "reproduced at most 0.1, partly at most 0.25"
            Verdict = atMost 0.1 0.25
        }

let cannotTell =
    claim
        {
            Text = "At the end the discriminator cannot tell them apart: D = 1/2."
            Paper = "figure 1d"
            Measure = "mean of |D − 1/2| over the data, the same runs"
            Threshold = "reproduced at most 0.05, partly at most 0.1"
            Verdict = atMost 0.05 0.1
        }

let slowCollapses =
    claim
        {
            Text =
                "If the generator is trained much faster than the discriminator, it collapses to few modes."
            Paper = "section 6, “the Helvetica scenario”; no number given"
            Measure =
                "modes found out of eight at equal rates, minus those with a twentieth of the rate for the discriminator"
            Threshold = "reproduced from 2 on, partly above 0"
            Verdict = atLeast 2.0 1e-9
        }

let oneStep =
    claim
        {
            Text = "One step of the discriminator for each of the generator is enough."
            Paper = "algorithm 1: “we used k = 1, the least expensive option”; no number given"
            Measure = "distance from the ring with k = 1 minus that with k = 5"
            Threshold = "reproduced at most 0.05, partly at most 0.1"
            Verdict = atMost 0.05 0.1
        }

let lessMomentum =
    claim
        {
            Text = "Adam with β₁ = 0.5 is better than with 0.9."
            Paper =
                "Radford et al. section 4: 0.9 “resulted in training oscillation and instability”"
            Measure = "distance from the ring with β₁ = 0.9 minus that with 0.5"
            Threshold = "reproduced from 0.05 on, partly above 0"
            Verdict = atLeast 0.05 1e-9
        }

let smoothingHelps =
    claim
        {
            Text = "One-sided label smoothing, 0.9 for real data, helps."
            Paper = "Salimans et al. 2016, section 3.4; no number given"
            Measure = "distance from the ring without minus that with smoothing"
            Threshold = "reproduced from 0.05 on, partly above 0"
            Verdict = atLeast 0.05 1e-9
        }

let likely =
    claim
        {
            Text = "Samples of the perceptrons explain digits never seen, by a Parzen window."
            Paper = "table 1, MNIST: 225 ± 2 nats"
            Measure = "mean log-likelihood of test images, nats"
            Threshold = "reproduced from 200 on, partly from 150"
            Verdict = atLeast 200.0 150.0
        }

let ordered =
    claim
        {
            Text =
                "Both measures put an untrained generator last, the trained one second and real images first."
            Paper = "not in the paper: a test of the measures"
            Measure = "how many of the four comparisons come out right"
            Threshold = "reproduced with 4, partly with 3"
            Verdict = atLeast 4.0 3.0
        }

let noCopies =
    claim
        {
            Text = "The generator has not learned training images by heart."
            Paper = "figure 2: nearest training examples beside samples; no number given"
            Measure =
                "samples nearer to a training image than all but 1 % of the test images are, %"
            Threshold = "reproduced at most 5 %, partly at most 20 %"
            Verdict = atMost 5.0 20.0
        }

let convolutionsBetter =
    claim
        {
            Text =
                "A generator of transposed convolutions makes better digits than perceptrons."
            Paper = "Radford et al. 2015, by eye and by classification; not compared so"
            Measure = "Fréchet distance of DCGAN over that of the perceptrons"
            Threshold = "reproduced at most 0.8, partly below 1"
            Verdict = atMost 0.8 1.0
        }

let normalizationNeeded =
    claim
        {
            Text = "Without batch normalization DCGAN is worse."
            Paper =
                "Radford et al. section 3: “proved critical to get deep generators to begin learning”"
            Measure = "Fréchet distance without batch normalization over that with it"
            Threshold = "reproduced from 1.25 on, partly above 1"
            Verdict = atLeast 1.25 (1.0 + 1e-9)
        }
(*** include-output ***)
(**
## Derivation

### The game

$x$ is an example, $[\text{features}]$; $p(x)$ is the density of the data. The noise $z$, $[\text{noise}]$, has a distribution that is easy to draw from, and $q(x)$ is the density of $G(z)$. The
discriminator gives a probability, $0 < D(x) < 1$. The paper's value function (its equation 1) is

$$
\begin{aligned}
V(D, G) &= \mathbb{E}_{x \sim p} \log D(x) + \mathbb{E}_{z} \log(1 - D(G(z))) \\
&= \int \bigl(p(x) \log D(x) + q(x) \log(1 - D(x))\bigr)\,dx
\end{aligned}
$$

$D$ makes it as large as it can, and $G$ makes that maximum as small as it can.

### The best discriminator

If $D$ may be any function, the integral is largest where its integrand is largest at each $x$ by itself. For $p, q > 0$ let $f(D) = p \log D + q \log(1 - D)$.

$$ f'(D) = \frac pD - \frac q{1 - D}, \qquad f''(D) = -\frac p{D^2} - \frac q{(1 - D)^2} < 0 $$

$f$ is strictly concave, so $f' = 0$, which is $p(1 - D) = qD$, is its only maximum:

$$ D^*(x) = \frac{p(x)}{p(x) + q(x)} $$

Where only one of the two densities is 0, $f$ grows up to $D = 1$ or $D = 0$, which is what the formula says. Where both are 0, $D$ does not matter. With $D = \sigma(a)$ and $\log \sigma(a) - \log(1 - \sigma(a)) = a$, the best *logit* is

$$ a^*(x) = \log p(x) - \log q(x) $$

The discriminator learns a ratio of densities, although it is never shown a density.

### What is left for the generator

Put $D^*$ into $V$, with $m = \frac12(p + q)$. Then $D^* = p / 2m$, $1 - D^* = q / 2m$, and each logarithm gives off a $-\log 2$:

$$ V(D^*, G) = \int p \log \frac{p}{2m} + \int q \log \frac{q}{2m} = -\log 4 + \int p \log \frac pm + \int q \log \frac qm $$

The two integrals are the Kullback-Leibler divergences of $p$ and $q$ from $m$; half their sum is the *Jensen-Shannon divergence*:

$$ V(D^*, G) = -\log 4 + 2\,\text{JSD}(p, q) $$

*It is never below −log 4.* For all $t > 0$, $\log t \le t - 1$, with equality only at $t = 1$. Therefore

$$ \int p \log \frac pm = -\int_{p > 0} p \log \frac mp \ge -\int_{p > 0} (m - p) = 1 - \int_{p > 0} m \ge 0 $$

and likewise for $q$. The first sign is an equality only if $m = p$ wherever $p > 0$ (up to a set that no integral sees). Then $q = 2m - p = p$ there, and as both integrate to 1, $q$ is 0 elsewhere. So JSD is 0 if and only if $p = q$: *the
minimum is −log 4, and it is reached only where the generated distribution is that of the data.* There $D^* = \frac12$ everywhere.

*It is never above 0.* $m \ge p/2$, so $\log(p/m) \le \log 2$, with equality only where $q = 0$. JSD is at most $\log 2$, and it is $\log 2$ for all pairs of distributions that do not overlap, be they near or far. There
it is constant, and its slope is 0.

### Both losses, in logits

$D$ is computed as $\sigma(a)$ of a logit $a$. Its part of $V$ is the loss of a yes-or-no question with the target $t = 1$ for real and $t = 0$ for generated examples. With the softplus ([SP-1](activations.html#eq-SP-1)),
$-\log \sigma(a) = \operatorname{softplus}(-a) = \operatorname{softplus}(a) - a$ and $-\log(1 - \sigma(a)) = \operatorname{softplus}(a)$. So $-t \log \sigma(a) - (1 - t)\log(1 - \sigma(a))$, averaged over $n$ logits, is the *binary cross-entropy*

$$ \ell = \frac1n \sum_i \bigl(\operatorname{softplus}(a_i) - t\,a_i\bigr) \tag{BCE-1} $$

As the slope of softplus is $\sigma$ ([SP-2](activations.html#eq-SP-2)),

$$ da_i = \frac{d\ell}{n}\,(\sigma(a_i) - t) \tag{BCE-2} $$

No probability is formed, so none can round to 0 or 1 before its logarithm is taken. As $\max(a, 0) - \max(-a, 0) = a$ and $\sigma(a) + \sigma(-a) = 1$, the core computes $(1 - t) \max(a, 0) + t \max(-a, 0) + \log(1 + e^{-|a|})$ and $(1 - t)\,\sigma(a) - t\,\sigma(-a)$: the same, without differences of
numbers that are near each other. The discriminator's loss is $-V$, over $n$ real examples $x_i$ and as many generated ones:

$$ L_D = \frac1n \sum_i -\log D(x_i) + \frac1n \sum_i -\log(1 - D(G(z_i))) \tag{GAN-1} $$

It is $\log 4$ where $D$ says ½ of everything. The generator has two losses to choose from. The paper proves with the second, the *saturating* one, which is its part of $V$, and recommends the first for training:

$$ L_G = \frac1n \sum_i -\log D(G(z_i)) \tag{GAN-2} $$

$$ L_G = \frac1n \sum_i \log(1 - D(G(z_i))) \tag{GAN-3} $$

GAN-2 is BCE-1 with $t = 1$; GAN-3 is BCE-1 with $t = 0$, times −1. By BCE-2 the slopes in the logit of a generated example, times $n$, are

$$ \text{GAN-2: } \sigma(a) - 1 \qquad\qquad \text{GAN-3: } -\sigma(a) $$

Both are negative for all $a$: both want the logit to rise. At $a = 0$ both are −½. But where $D$ is sure that an example is false, $a \ll 0$, the slope of GAN-3 is about $-e^a$ and *vanishes*, and that of GAN-2 is nearly −1. Their ratio is
$(1 - \sigma(a)) / \sigma(a) = e^{-a}$. From there the gradient goes on through $da/dx$ to the generator. At $p = q$ the best $D$ is ½ everywhere and flat, so $da/dx = 0$ and both losses are at rest: they have the same fixed point, and come to it
at different speeds. With several examples even the direction differs: GAN-3 listens most to those that fool $D$ already, GAN-2 to those that do not.

### The algorithm

Algorithm 1 of the paper, for each step of the generator:

1. $k$ times: draw $n$ examples and $n$ noise vectors; one step down the gradient of $L_D$ in the parameters of $D$.
2. Draw $n$ noise vectors; one step down the gradient of $L_G$ in the parameters of $G$.

To train $D$ to its best each time would be too dear, the paper says, and would overfit a finite data set. It uses $k = 1$.

$L_D$ depends on $G$ too, and $L_G$ on $D$. A backward pass through the whole graph would put gradients into both; each optimizer must see only those of its own loss. In the core, `Backward` takes the variables *towards* which gradients are to flow, and leaves
all others alone. (On its way to $G$ a gradient passes through the layers of $D$, whose weights get none.)

### What proposition 2 proves

Proposition 2 says that $q$ converges to $p$ if $D$ is at its best before each step and the steps are small. The argument: for a fixed $D$, $V$ is *linear* in $q$ (look at the integral). $U(q) = \max_D V(D, q)$ is a maximum of linear functions, so it is convex. The slope of
$V(D^*, q)$ with $D^*$ held fixed is a subgradient of $U$ at $q$: for any other $r$, $U(r) \ge V(D^*_q, r) = U(q) + \int (r - q) \log(1 - D^*_q)$. So small steps along it go to the minimum, which is $p$.

Three things in it are not so in a network:

- The steps are taken in the parameters $\theta$ of $G$, not in $q$. $q$ depends on $\theta$ in a way that is not linear, so $U$ is not convex in $\theta$. The paper says that this leaves its networks without "theoretical guarantees" (section 4.2).
- $D$ is one of a family of functions, and $V(D, G)$ at the best of the family is not $-\log 4 + 2\,\text{JSD}$. The four points above ended where $D = \frac12$ and $q \neq p$.
- $D$ is $k$ steps further, not at its best. Then it is a game and no descent, and steps of two players who each follow their own gradient need not lead anywhere.

The third on two numbers (Mescheder et al. 2018): the data are one point at 0, the generated distribution is one point at $\theta$, and the logit is $a = \psi x$. Up to a constant, $V = -\operatorname{softplus}(\psi\theta)$, and the equilibrium is
$\theta = \psi = 0$. $D$ goes up and $G$ down:

$$ \dot\psi = -\theta\,\sigma(\psi\theta), \qquad \dot\theta = \psi\,\sigma(\psi\theta) $$

$\frac{d}{dt}\frac12(\theta^2 + \psi^2) = \theta\dot\theta + \psi\dot\psi = 0$: the pair runs in a circle around its equilibrium and comes no closer. Steps of length $h$ from the same point are at a right angle to $(\theta, \psi)$, and so

$$ \theta'^2 + \psi'^2 = (1 + h^2 \sigma(\psi\theta)^2)\,(\theta^2 + \psi^2) $$

It moves *away*, at every step. The non-saturating loss has $\dot\theta = \psi\,\sigma(-\psi\theta)$, and then, with $a = \psi\theta$,

$$ \theta\dot\theta + \psi\dot\psi = a\,(\sigma(-a) - \sigma(a)) = -a \tanh\frac a2 \le 0 $$

It comes closer, and ever more slowly: near the equilibrium this is $-a^2/2$, of fourth order in the distance. And if $G$ sees the discriminator that has already moved, as in algorithm 1, steps differ from both flows; [below](#Two-numbers-that-chase-each-other) all four are measured.

### Maxout

The paper's discriminator has *maxout* units (Goodfellow et al. 2013). A linear map makes $P$ numbers for each of $U$ units, the *pieces*, and the unit is the largest. $x$ is $[\text{rows}, P \cdot U]$, with piece $k$ of unit $u$ in column $kU + u$; $y$ is
$[\text{rows}, U]$.

$$ y_{i,u} = \max_k\; x_{i,\,kU + u} \tag{MAXO-1} $$

A small change moves $y$ only if it is in the largest piece, the first of them if there are several. $M_{i,u}$ is its number:

$$ dx_{i,\,kU + u} = dy_{i,u} \text{ where } k = M_{i,u} \text{, else } 0 \tag{MAXO-2} $$

A maximum of linear functions is convex and made of straight pieces. With two pieces $\max(v, 0)$ is the rectifier and $\max(v, -v)$ is $|v|$: a unit learns its own activation function. A rectifier that is off passes no gradient on to the generator; of a maxout unit one piece is always the
largest, and passes it.

### Transposed convolution

Laid out as vectors, a convolution is $y = Cx$ with the [matrix of its places](resnet.html#Convolution-as-a-matrix), and its input's gradient is $C^\top dy$, a stamp for each number of $dy$. The *transposed convolution* is that map, used forward: $y = C^\top x$. $x$ is
$[\text{batch}, \text{height}, \text{width}, \text{in}]$. The convolution whose transpose it is goes from *out* channels to *in* channels, so its weight $w$ is $[k, k, \text{out}, \text{in}]$; $s$ is its stride, $p$ its padding.

$$ y_{n,r,q,o} = b_o + \sum_{\substack{u,i:\;si+u-p=r\\ v,j:\;sj+v-p=q}} \sum_c w_{u,v,o,c}\; x_{n,i,j,c} \tag{CONVT-1} $$

This is [CONV-2](resnet.html#eq-CONV-2) with $x$ for $dy$. The pullback of $C^\top$ is $C$: a convolution, [CONV-1](resnet.html#eq-CONV-1), of $dy$.

$$ dx_{n,i,j,c} = \sum_{u,v,o} w_{u,v,o,c}\; dy_{n,\;si+u-p,\;sj+v-p,\;o} \tag{CONVT-2} $$

For the weights, $\langle dy, \delta C^\top x\rangle = \langle x\,dy^\top, \delta C\rangle$, so $dC = x\,dy^\top$ where the convolution had $dy\,x^\top$: [CONV-3](resnet.html#eq-CONV-3) with the two exchanged. Again the gradient of a weight is the sum over its places.

$$ dw_{u,v,o,c} = \sum_{n,i,j} dy_{n,\;si+u-p,\;sj+v-p,\;o}\; x_{n,i,j,c} \tag{CONVT-3} $$

$$ db_o = \sum_{n,r,q} dy_{n,r,q,o} \tag{CONVT-4} $$

*How large it is.* The last stamp starts at $s(\text{height} - 1) - p$ and is $k$ long, and $p$ is cut off at the end too:

$$ \text{outHeight} = s\,(\text{height} - 1) + k - 2p $$

With $k = 4$, $s = 2$, $p = 1$ that is $2 \cdot \text{height}$: each such layer doubles the image. A kernel of 3 with $p = 1$ gives $2 \cdot \text{height} - 1$. Pixel $r$ is reached by those $u$ of the kernel for which $r + p - u$ is a multiple of $s$: $k/s$ of them if $s$ divides $k$, else for some
pixels one more than for others. This is where the chequerboards come from. The name *deconvolution*, which is seen too, promises an inverse; $C^\top$ has the inverse's shape and not its numbers.

### What DCGAN prescribes

Section 3 of the second paper, found by trying:

| guideline | here |
|:--|:--|
| strided convolutions in place of pooling in $D$, transposed ones in $G$ | kernels of 4x4, stride 2, padding 1 (CONV, CONVT) |
| batch normalization in both, but not behind $G$'s last layer and $D$'s first | [BN-1 to BN-10](resnet.html#eq-BN-1) |
| no fully connected hidden layers | one linear map of the noise to a small image with many channels, one of $D$'s last image to a logit |
| rectifiers in $G$, tanh at its end | [RELU](transformer.html#eq-RELU-1), [TANH](activations.html#eq-TANH-1); images are scaled to −1 to 1 |
| leaky rectifiers in $D$, slope 0.2 | [LREL](activations.html#eq-LREL-1): a gradient reaches $G$ through every unit |
| weights normal with a deviation of 0.02; Adam with a rate of 0.0002 and $\beta_1 = 0.5$; batches of 128 | the same weights and the same Adam; batches of 64 |

Real and generated examples pass through $D$ in batches of their own, each normalized by its own statistics.

## Longhand

### D*, −log 4 and two Gaussians

A density is given by its logarithm, a discriminator by its logit. The integrals are sums over 5,600 trapezoids.
*)
let softplus a = max a 0.0 + SpecialFunctions.Log1p(exp -(abs a)) // SP-1

let gaussian mean deviation (x: float) = Distributions.Normal.PDFLn(mean, deviation, x)

let integral (f: float -> float) =
    Integration.NewtonCotesTrapeziumRule.IntegrateComposite(f, -20.0, 36.0, 5600)

/// V(D, G): D by its logit, the data and the generated distribution by the logarithms of their densities.
let valueOf (logit: float -> float) logP logQ =
    integral (fun x ->
        let a = logit x
        exp (logP x) * -(softplus -a) + exp (logQ x) * -(softplus a))

let bestLogit logP logQ (x: float) : float = logP x - logQ x

/// JSD by its definition and by another rule of integration.
let divergence logP logQ =
    let m x = (exp (logP x) + exp (logQ x)) / 2.0

    let fromMiddle (logDensity: float -> float) =
        Integration.GaussLegendreRule.Integrate(
            (fun x -> exp (logDensity x) * (logDensity x - log (m x))),
            -20.0,
            36.0,
            1024
        )

    (fromMiddle logP + fromMiddle logQ) / 2.0

let data, near = gaussian 0.0 1.0, gaussian 2.0 1.5
let best = valueOf (bestLogit data near) data near

printfn $"p = q: V = %.10f{valueOf (bestLogit data data) data data}; −log 4 = %.10f{-(log 4.0)}"

printfn $"p normal, q normal with mean 2 and deviation 1.5: V = %.10f{best}"
(*** include-output ***)
check "V(D*, G) = −log 4 where p = q" (valueOf (bestLogit data data) data data + log 4.0) 1e-6
check "V(D*, G) = −log 4 + 2 JSD" (best + log 4.0 - 2.0 * divergence data near) 1e-6

holds
    "other discriminators have a smaller V"
    ([ (fun a -> a + 0.1); (fun a -> 1.1 * a); (fun a -> 0.9 * a); (fun a -> a + 0.1 * sin a) ]
     |> List.forall (fun change -> valueOf (bestLogit data near >> change) data near < best))
(*** include-output ***)
(** $D^*$ is the maximum at each $x$ by itself. A grid of a hundred values of $D$ finds it, then a finer grid around the best, and so on: *)
let rec largest (f: float -> float) low high =
    let step = (high - low) / 100.0

    if step < 1e-9 then
        (low + high) / 2.0
    else
        let top = [ for i in 1..99 -> low + float i * step ] |> List.maxBy f
        largest f (top - step) (top + step)

let byGrid x =
    let p, q = exp (data x), exp (near x)
    largest (fun d -> p * log d + q * log (1.0 - d)) 0.0 1.0

let byFormula x = exp (data x) / (exp (data x) + exp (near x))
let places = [ -2.0 .. 1.0..5.0 ]

table
    [ "x"; "p"; "q"; "D by grid"; "p / (p + q)" ]
    [
        for x in places ->
            [
                formatted "F0" x
                formatted "F5" (exp (data x))
                formatted "F5" (exp (near x))
                formatted "F7" (byGrid x)
                formatted "F7" (byFormula x)
            ]
    ]
(*** include-it-raw ***)
check
    "D* by grids = p / (p + q), worst"
    (places |> List.map (fun x -> abs (byGrid x - byFormula x)) |> List.max)
    1e-6
(*** include-output ***)
(**
A discriminator that is a straight line can be enough: for two Gaussians of one deviation $\sigma$, the squares in $\log p - \log q$ cancel, and what is left has a slope of $(\mu_p - \mu_q)/\sigma^2$. Newton's method on $-V$ finds it without being told.
*)
let means, commonDeviation = (1.5, -0.5), 0.8
let left, right = gaussian (fst means) commonDeviation, gaussian (snd means) commonDeviation

let newton (line: Vector<float>) =
    let judged x = sigmoid (line[0] * x + line[1])
    let slope x = exp (right x) * judged x - exp (left x) * (1.0 - judged x)
    let curve x = (exp (left x) + exp (right x)) * judged x * (1.0 - judged x)
    let moment f power = integral (fun x -> f x * x ** power)
    let gradient = vector [ moment slope 1.0; moment slope 0.0 ]

    let hessian =
        matrix
            [ [ moment curve 2.0; moment curve 1.0 ]; [ moment curve 1.0; moment curve 0.0 ] ]

    line - hessian.Solve gradient

let fitted = Seq.fold (fun line _ -> newton line) (vector [ 0.0; 0.0 ]) [ 1..12 ]
let variance = commonDeviation ** 2.0

check
    "slope of the best line = (μp − μq) / σ²"
    (fitted[0] - (fst means - snd means) / variance)
    1e-6

check
    "its offset = (μq² − μp²) / 2σ²"
    (fitted[1] - (snd means ** 2.0 - fst means ** 2.0) / (2.0 * variance))
    1e-6

check
    "so it reaches V(D*, G)"
    (valueOf (fun x -> fitted[0] * x + fitted[1]) left right
     - valueOf (bestLogit left right) left right)
    1e-6
(*** include-output ***)
(**
Now the data are normal with mean 0, and the generated distribution the same at a distance $d$. The best logit is $d^2/2 - d \cdot x$. The generator can move $d$. The two columns on the right are the slopes of its losses in $d$, with $D^*$ held fixed: the mean over $q$ of BCE-2's slope times
$da/dx = -d$.
*)
let apart d = gaussian d 1.0

/// The slope in d of a loss of the generator whose slope in the logit is given.
let pullAt d (slopeInLogit: float -> float) =
    integral (fun x -> exp (apart d x) * slopeInLogit (bestLogit data (apart d) x) * -d)

let saturating a = -(sigmoid a) // GAN-3
let nonSaturating a = -(sigmoid -a) // GAN-2
let separations = [ 0.0; 0.5; 1.0; 2.0; 4.0; 8.0; 16.0 ]
let divergences = separations |> List.map (fun d -> divergence data (apart d))

table
    [ "d"; "JSD"; "JSD / log 2"; "slope, saturating"; "slope, non-saturating" ]
    [
        for d, jsd in List.zip separations divergences ->
            [
                formatted "G3" d
                formatted "F6" jsd
                formatted "F6" (jsd / log 2.0)
                formatted "0.0e+0" (pullAt d saturating)
                formatted "F3" (pullAt d nonSaturating)
            ]
    ]
(*** include-it-raw ***)
holds
    "JSD grows with the distance, from 0 to log 2"
    (abs divergences[0] < 1e-12
     && List.forall2 (<) (List.take 6 divergences) (List.skip 1 divergences)
     && List.forall (fun jsd -> jsd <= log 2.0 + 1e-12) divergences)

let slopeOfDivergence d =
    let h = 1e-3
    (divergence data (apart (d + h)) - divergence data (apart (d - h))) / h

check
    "slope of the saturating loss at D* = slope of 2 JSD, worst"
    (separations
     |> List.map (fun d -> abs (pullAt d saturating - slopeOfDivergence d))
     |> List.max)
    1e-6
(*** include-output ***)
(**
At a distance of 8 the saturating slope is all but gone, and the other has grown with the distance. This is with the discriminator at its best: where it is surest, GAN-3 hears least of it.

### Two numbers that chase each other

The game of $\theta$ and $\psi$ from the derivation, from (1, 1) with steps of 0.2: both players at once, or $D$ first and then $G$, which sees the new $\psi$; each with both losses of the generator.
*)
let chase isInTurn (slopeInLogit: float -> float) (theta, psi) =
    let h = 0.2
    let nextPsi = psi - h * theta * sigmoid (psi * theta)
    let seen = if isInTurn then nextPsi else psi
    theta - h * seen * slopeInLogit (seen * theta), nextPsi

let chases =
    [
        for loss, slope in [ "saturating", saturating; "non-saturating", nonSaturating ] do
            for order, isInTurn in [ "at once", false; "in turn", true ] ->
                $"{loss}, {order}",
                (1.0, 1.0)
                |> Seq.unfold (fun state -> Some(state, chase isInTurn slope state))
                |> Seq.take 1001
                |> Array.ofSeq
    ]

let radius (theta: float, psi: float) = sqrt (theta * theta + psi * psi)
let looks = [ 0; 10; 100; 300; 1000 ]

table
    ("distance from the equilibrium after" :: List.map string looks)
    [
        for name, path in chases ->
            name :: [ for step in looks -> formatted "F2" (radius path[step]) ]
    ]
(*** include-it-raw ***)
let atOnce, inTurn = snd chases[0], snd chases[1]

check
    "at once, the square of the distance grows by 1 + h²σ², worst"
    (Seq.pairwise atOnce
     |> Seq.map (fun ((theta, psi), next) ->
         let factor = 1.0 + 0.04 * sigmoid (theta * psi) ** 2.0
         abs ((radius next / radius (theta, psi)) ** 2.0 - factor))
     |> Seq.max)
    1e-12

holds
    "in turn, it stays within a quarter of where it began"
    (inTurn |> Array.forall (fun state -> abs (radius state / radius inTurn[0] - 1.0) < 0.25))

let nonSaturatingInTurn = snd chases[3]

holds
    "non-saturating and in turn, it has come to less than a quarter"
    (radius (Array.last nonSaturatingInTurn) < 0.25 * radius nonSaturatingInTurn[0])

check
    "non-saturating and at once, it ends at a distance of √(2h)"
    (radius (Array.last (snd chases[2])) - sqrt 0.4)
    0.02
(*** include-output ***)
chases
|> List.map (fun (name, path) ->
    name,
    Chart.Line(
        x = [ for theta, _ in path -> Math.Round(theta, 4) ],
        y = [ for _, psi in path -> Math.Round(psi, 4) ],
        Name = name,
        LineColor = Palette.blue
    )
    |> Chart.withXAxisStyle (TitleText = "θ, the generated point")
    |> Chart.withYAxisStyle (TitleText = "ψ, slope of the discriminator"))
|> selector
|> figure
    "two-numbers"
    "Paths of a generator with one parameter against a discriminator with one parameter over a thousand steps of 0.2; the equilibrium is the origin. With the saturating loss the path winds outwards if both move at once and goes round if they move in turn; with the other loss it ends closer in. Mescheder et al. draw the same game as arrows in the plane, which turn about the origin."
(*** include-it-raw ***)
(**
Only the last of the four is on its way to the equilibrium. The third ends on a circle: near the origin a step at once adds $\frac14 h^2 r^2$ to $r^2 = \theta^2 + \psi^2$, and the flow takes off $h a^2$, on average over a circle $\frac18 h r^4$. They balance at $r^2 = 2h$.

### Maxout on a matrix
*)
let longhandMaxout pieces (x: Matrix<float>) =
    let rows, units = x.RowCount, x.ColumnCount / pieces

    let largestPiece =
        Array2D.init rows units (fun i u ->
            [ 0 .. pieces - 1 ] |> List.maxBy (fun k -> x[i, k * units + u]))

    let y =
        Matrix<float>.Build.Dense(rows, units, fun i u -> x[i, largestPiece[i, u] * units + u]) // MAXO-1

    let back (dy: Matrix<float>) =
        let dx = Matrix<float>.Build.Dense(rows, pieces * units)

        for i in 0 .. rows - 1 do
            for u in 0 .. units - 1 do
                dx[i, largestPiece[i, u] * units + u] <- dy[i, u] // MAXO-2

        dx

    y, back

(** Two pieces as the rectifier and as the absolute value, of the numbers −2, 1 and 3: *)
let written (numbers: Vector<float>) = numbers |> Seq.map string |> String.concat " "
let three = matrix [ [ -2.0; 1.0; 3.0 ] ]
let asRectifier, _ = longhandMaxout 2 (three.Append(Matrix<float>.Build.Dense(1, 3)))
let asAbsolute, _ = longhandMaxout 2 (three.Append(-three))

printfn $"max(v, 0):  {written (asRectifier.Row 0)}"
printfn $"max(v, −v): {written (asAbsolute.Row 0)}"
(*** include-output ***)
(**
### Transposed convolution as a matrix

The matrix $C$ of the [convolution whose transpose it is](resnet.html#Convolution-as-a-matrix): a row for each number of the small image, a column for each of the large one. Images are rows, so $C^\top x$ is `x * c`.
*)
/// C of a convolution with weights [kernel, kernel, outs, ins] that makes a small image of height x width.
let stampMatrix kernel stride padding (height, width) (ins, outs) (w: Vector<float>) =
    let grown size = stride * (size - 1) + kernel - 2 * padding
    let tall, wide = grown height, grown width
    let c = Matrix<float>.Build.Dense(height * width * ins, tall * wide * outs)

    for i in 0 .. height - 1 do
        for j in 0 .. width - 1 do
            for u in 0 .. kernel - 1 do
                for v in 0 .. kernel - 1 do
                    let r, q = stride * i + u - padding, stride * j + v - padding

                    if r >= 0 && r < tall && q >= 0 && q < wide then
                        for o in 0 .. outs - 1 do
                            for k in 0 .. ins - 1 do
                                c[(i * width + j) * ins + k, (r * wide + q) * outs + o] <-
                                    w[((u * kernel + v) * outs + o) * ins + k]

    c

/// A transposed convolution without bias of some images, one a row, and its pullback.
let longhandTransposed (matrixOf: Vector<float> -> Matrix<float>) w (x: Matrix<float>) =
    let c: Matrix<float> = matrixOf w
    let y = x * c // CONVT-1

    let back (dy: Matrix<float>) =
        let dx = dy * c.Transpose() // CONVT-2
        let dc = x.Transpose() * dy
        // Where weight k stands, C of weights that are 1 at k and else 0 has a 1.
        let whereStands k =
            matrixOf (Vector<float>.Build.Dense(w.Count, fun i -> if i = k then 1.0 else 0.0))

        let dw =
            Vector<float>
                .Build
                .Dense(w.Count, fun k -> dc.PointwiseMultiply(whereStands k).RowSums().Sum()) // CONVT-3

        dx, dw

    y, back

(** $C$ of stamps of 2x2 pixels, 1 to 4, at a stride of 2, from two pixels to an image of 2x4: *)
let stampsMatrix = stampMatrix 2 2 0 (1, 2) (1, 1) (vector [ 1.0 .. 4.0 ])

for row in stampsMatrix.EnumerateRows() do
    printfn $"{inLine row}"

check
    "two pixels, two stamps"
    ((stampsMatrix.LeftMultiply(vector [ 1.0; 10.0 ])
      - vector [ 1.0; 2.0; 10.0; 20.0; 3.0; 4.0; 30.0; 40.0 ])
        .InfinityNorm())
    0.0

holds
    "the convolution behind it does not undo it: C Cᵀ is not the identity"
    (stampsMatrix * stampsMatrix.Transpose() <> Matrix<float>.Build.DenseIdentity 2)
(*** include-output ***)
(**
### A whole game

A generator of noise → rectifier → linear, a discriminator of x → maxout of two pieces → logit. Forward and backward of both, line by line, then the two losses.
*)
let addRow (row: Vector<float>) (m: Matrix<float>) : Matrix<float> =
    m.MapIndexed(fun _ j value -> value + row[j])

/// Two linear maps, or the gradients of their parameters.
type TwoLayers =
    {
        W1: Matrix<float>
        B1: Vector<float>
        W2: Matrix<float>
        B2: Vector<float>
    }

    static member (+)(a: TwoLayers, b: TwoLayers) =
        { W1 = a.W1 + b.W1; B1 = a.B1 + b.B1; W2 = a.W2 + b.W2; B2 = a.B2 + b.B2 }

/// x of noise z, and from dx the gradients of the generator's parameters.
let longhandGenerator (g: TwoLayers) (z: Matrix<float>) =
    let inner = z * g.W1 |> addRow g.B1
    let hidden = inner.PointwiseMaximum 0.0
    let x = hidden * g.W2 |> addRow g.B2

    let back (dx: Matrix<float>) =
        let dHidden = dx * g.W2.Transpose()

        let dInner: Matrix<float> =
            dHidden.MapIndexed(fun i j d -> if inner[i, j] > 0.0 then d else 0.0)

        {
            W1 = z.Transpose() * dInner
            B1 = dInner.ColumnSums()
            W2 = hidden.Transpose() * dx
            B2 = dx.ColumnSums()
        }

    x, back

/// The logits of x, and from their cotangent dx and the gradients of the discriminator's parameters.
let longhandDiscriminator (d: TwoLayers) (x: Matrix<float>) =
    let inner = x * d.W1 |> addRow d.B1
    let hidden, maxoutBack = longhandMaxout 2 inner
    let logits = hidden * d.W2 |> addRow d.B2

    let back (da: Matrix<float>) =
        let dInner = maxoutBack (da * d.W2.Transpose())

        dInner * d.W1.Transpose(),
        {
            W1 = x.Transpose() * dInner
            B1 = dInner.ColumnSums()
            W2 = hidden.Transpose() * da
            B2 = da.ColumnSums()
        }

    logits, back

/// Binary cross-entropy of some logits, and its gradient.
let longhandEntropy target (logits: Matrix<float>) =
    let n = float (logits.RowCount * logits.ColumnCount)
    let loss = (logits.Enumerate() |> Seq.sumBy (fun a -> softplus a - target * a)) / n // BCE-1
    let da: Matrix<float> = logits.Map(fun a -> (sigmoid a - target) / n) // BCE-2
    loss, da

/// GAN-1 and its gradient in the discriminator's parameters.
let longhandDiscriminatorLoss g d (real: Matrix<float>) noise =
    let generated, _ = longhandGenerator g noise
    let onReal, realBack = longhandDiscriminator d real
    let onGenerated, generatedBack = longhandDiscriminator d generated
    let realLoss, dReal = longhandEntropy 1.0 onReal
    let generatedLoss, dGenerated = longhandEntropy 0.0 onGenerated
    realLoss + generatedLoss, snd (realBack dReal) + snd (generatedBack dGenerated)

/// GAN-2 or GAN-3 and its gradient in the generator's parameters.
let longhandGeneratorLoss objective g d noise =
    let generated, generatorBack = longhandGenerator g noise
    let logits, discriminatorBack = longhandDiscriminator d generated

    let loss, da =
        if objective = GeneratorObjective.NonSaturating then
            longhandEntropy 1.0 logits
        else
            let loss, da = longhandEntropy 0.0 logits
            -loss, -da

    loss, generatorBack (fst (discriminatorBack da))

(**
## The code

The rules: binary cross-entropy from logits, whose function of one logit calls it z; maxout; and the transposed convolution, whose pullback is a convolution.
*)
(*** hide ***)
csharp "Rules/Losses/BinaryCrossEntropy.cs" "Forward"
(*** include-it-raw ***)
(*** hide ***)
csharp "Rules/Losses/BinaryCrossEntropy.cs" "Function"
(*** include-it-raw ***)
(*** hide ***)
csharp "Rules/Functions/Maxout.cs" "Forward"
(*** include-it-raw ***)
(*** hide ***)
csharp "Rules/Images/ConvTranspose2d.cs" "Forward"
(*** include-it-raw ***)
(** The two losses: *)
(*** hide ***)
csharp "Models/Gan/Gan.cs" "DiscriminatorLoss"
(*** include-it-raw ***)
(*** hide ***)
csharp "Models/Gan/Gan.cs" "GeneratorLoss"
(*** include-it-raw ***)
(** The backward pass, which can be told towards what gradients are to flow: *)
(*** hide ***)
csharp "Autodiff/Tape.cs" "Backward"
(*** include-it-raw ***)
(*** hide ***)
csharp "Autodiff/Tape.cs" "Downstream"
(*** include-it-raw ***)
(** And the networks for images: *)
(*** hide ***)
csharp "Models/Dcgan/DcganGenerator.cs" "Generate"
(*** include-it-raw ***)
(*** hide ***)
csharp "Models/Dcgan/DcganDiscriminator.cs" "Logits"
(*** include-it-raw ***)
(**
## Agreement

The longhand against the core, in double; then the core's gradients against central differences along random cotangents, which know nothing of the derivation.
*)
let random = RandomStream(page.Seed).Split("agreement")

let normalMatrix rows columns =
    Matrix<float>.Build.Dense(rows, columns, (fun _ _ -> random.NextNormal()))

let normalVector count = (normalMatrix 1 count).Row 0

let differences = differencesAlong random

let entropyRule (target: float) _ (inputs: Variable<float> list) =
    inputs[0].BinaryCrossEntropy target

for target in [ 0.0; 0.9; 1.0 ] do
    let logits = 3.0 * normalMatrix 7 1
    let loss, da = longhandEntropy target logits
    let name = $"binary cross-entropy, target %g{target}"

    let core, gradients =
        runRule (entropyRule target) [ Tensor.ofMatrix logits ] (Tensor<float>.Scalar 1.0)

    check $"longhand = core, {name}" (core.ToScalar() - loss) 1e-12
    agree $"{name}, da" da (List.head gradients)
    differences name (entropyRule target) [ ("a", Tensor.ofMatrix logits) ]

let maxoutRule pieces _ (inputs: Variable<float> list) = inputs[0].Maxout pieces

// All numbers a tenth apart, so that differences exchange no pieces.
let distinct = [| for i in 0..35 -> float i / 10.0 |]
random.Shuffle(distinct.AsSpan())

for pieces in [ 1; 2; 3 ] do
    let x = Matrix<float>.Build.DenseOfRowMajor(3, 12, distinct)
    let dy = normalMatrix 3 (12 / pieces)
    let y, back = longhandMaxout pieces x
    let core, gradients = runRule (maxoutRule pieces) [ Tensor.ofMatrix x ] (Tensor.ofMatrix dy)
    agree $"maxout of {pieces}, y" y core
    agree $"maxout of {pieces}, dx" (back dy) (List.head gradients)
    differences $"maxout of {pieces}" (maxoutRule pieces) [ ("x", Tensor.ofMatrix x) ]
(*** include-output ***)
(** Transposed convolution with DCGAN's kernel, and three others: *)
let transposedRule stride (padding: int) _ (inputs: Variable<float> list) =
    inputs[0].ConvTranspose2d(inputs[1], inputs[2], stride, padding)

for name, kernel, stride, padding in
    [
        "4x4, stride 2, padding 1", 4, 2, 1
        "3x3, stride 2, padding 1", 3, 2, 1
        "3x3, padding 1", 3, 1, 1
        "2x2, stride 3", 2, 3, 0
    ] do
    let batch, height, width, ins, outs = 2, 3, 2, 3, 2
    let matrixOf = stampMatrix kernel stride padding (height, width) (ins, outs)
    let x = normalMatrix batch (height * width * ins)
    let w, b = normalVector (kernel * kernel * outs * ins), normalVector outs
    let stamped, back = longhandTransposed matrixOf w x
    let y: Matrix<float> = stamped.MapIndexed(fun _ j value -> value + b[j % outs])
    let dy = normalMatrix batch stamped.ColumnCount
    let dx, dw = back dy

    let db =
        Matrix<float>
            .Build.DenseOfRowMajor(
                dy.RowCount * dy.ColumnCount / outs,
                outs,
                dy.ToRowMajorArray()
            )
            .ColumnSums() // CONVT-4

    let inputs =
        [
            "x", asTensor [ batch; height; width; ins ] x
            "w", asTensor [ kernel; kernel; outs; ins ] (w.ToRowMatrix())
            "b", Tensor.ofVector b
        ]

    let core, gradients =
        runRule (transposedRule stride padding) (List.map snd inputs) (Tensor.ofMatrix dy)

    agree $"{name}, y" y core
    agree $"{name}, dx" dx gradients[0]
    agree $"{name}, dw" (dw.ToRowMatrix()) gradients[1]
    agree $"{name}, db" (db.ToRowMatrix()) gradients[2]
    differences name (transposedRule stride padding) inputs
(*** include-output ***)
(**
The whole game: the core's networks with the sizes of the longhand's, their parameters drawn anew so that biases count; the losses, and the gradient of every parameter. No input of a rectifier is near 0, and no two pieces are near each other.
*)
let generatorSettings =
    MlpGeneratorSettings(
        Noise = 2,
        Hidden = [| 5 |],
        Features = 3,
        Output = ActivationKind.Identity
    )

let discriminatorSettings =
    MlpDiscriminatorSettings(Features = 3, Hidden = [| 4 |], Pieces = 2)

let makeGame (stream: RandomStream) =
    Gan<float>(
        MlpGenerator<float>(generatorSettings, stream),
        MlpDiscriminator<float>(discriminatorSettings, stream)
    )

let game = makeGame random

/// The values or the gradients of a network's parameters.
let twoLayers (read: Parameter<float> -> Tensor<float>) (parameters: Parameter<float> seq) =
    let matrices =
        [
            for parameter in parameters ->
                let tensor = read parameter
                let columns = tensor.Shape[-1]

                Matrix<float>
                    .Build.DenseOfRowMajor(tensor.Length / columns, columns, tensor.ToArray())
        ]

    match matrices with
    | [ w1; b1; w2; b2 ] -> { W1 = w1; B1 = b1.Row 0; W2 = w2; B2 = b2.Row 0 }
    | others ->
        Host.refuse $"a network of two layers has 4 parameters, this has {others.Length}."

let valuesOf (parameters: Parameter<float> seq) = twoLayers _.Value parameters
let gradientsOf (parameters: Parameter<float> seq) = twoLayers _.Gradient parameters

let drawGame () =
    for parameter in Seq.append game.Generator.Parameters game.Discriminator.Parameters do
        let drawn = Tensor.ofMatrix (normalMatrix 1 parameter.Value.Length)
        drawn.Span.CopyTo parameter.Value.Span

    normalMatrix 4 3, normalMatrix 4 2

let farFromKinks (real: Matrix<float>, noise: Matrix<float>) =
    let g, d = valuesOf game.Generator.Parameters, valuesOf game.Discriminator.Parameters
    let rectified = noise * g.W1 |> addRow g.B1

    let gaps x =
        let pieces = x * d.W1 |> addRow d.B1
        pieces.SubMatrix(0, 4, 0, 4) - pieces.SubMatrix(0, 4, 4, 4)

    [ rectified; gaps real; gaps (fst (longhandGenerator g noise)) ]
    |> List.forall (fun m -> m.PointwiseAbs().Enumerate() |> Seq.min > 0.02)

let realMatrix, noiseMatrix = Seq.initInfinite (fun _ -> drawGame ()) |> Seq.find farFromKinks
let real, noise = Tensor.ofMatrix realMatrix, Tensor.ofMatrix noiseMatrix

/// A loss and its gradient in one network's parameters, by the core.
let coreLoss (record: Tape<float> -> Variable<float>) (parameters: Parameter<float> seq) =
    let tape = Tape<float>()
    let loss = record tape

    for parameter in Seq.append game.Generator.Parameters game.Discriminator.Parameters do
        parameter.ZeroGradient()

    tape.Backward(loss, towards = parameters)
    loss.Value.ToScalar(), gradientsOf parameters

let discriminatorLoss (tape: Tape<float>) =
    use _ = tape.Training()
    game.DiscriminatorLoss(tape, real, noise)

let generatorLoss (objective: GeneratorObjective) (tape: Tape<float>) =
    use _ = tape.Training()
    game.GeneratorLoss(tape, noise, objective)

let agreeOnGame name (longhandLoss, longhand: TwoLayers) (loss: float, core: TwoLayers) =
    check $"longhand = core, {name}" (loss - longhandLoss) 1e-12

    for parameter, a, b in
        [
            "W1", longhand.W1, core.W1
            "b1", longhand.B1.ToRowMatrix(), core.B1.ToRowMatrix()
            "W2", longhand.W2, core.W2
            "b2", longhand.B2.ToRowMatrix(), core.B2.ToRowMatrix()
        ] do
        check
            $"longhand = core, {name}, d{parameter}"
            ((a - b).Enumerate() |> Seq.map abs |> Seq.max)
            1e-12

let worstDifference name record (parameters: Parameter<float> seq) =
    let errors =
        GradCheck.Run((fun tape _ -> record tape), [||], Array.ofSeq parameters, random)

    let worst = errors |> Seq.maxBy _.Error

    check
        $"derived = differences, {name}, worst of {errors.Count} ({worst.Name})"
        worst.Error
        1e-6

let longhandG, longhandD =
    valuesOf game.Generator.Parameters, valuesOf game.Discriminator.Parameters

agreeOnGame
    "discriminator's loss"
    (longhandDiscriminatorLoss longhandG longhandD realMatrix noiseMatrix)
    (coreLoss discriminatorLoss game.Discriminator.Parameters)

holds
    "it left no gradient in the generator"
    (game.Generator.Parameters
     |> Seq.forall (fun parameter -> parameter.Gradient.ToArray() |> Array.forall ((=) 0.0)))

worstDifference "discriminator's loss" discriminatorLoss game.Discriminator.Parameters

for name, objective in
    [
        "generator's loss", GeneratorObjective.NonSaturating
        "saturating loss", GeneratorObjective.Saturating
    ] do
    agreeOnGame
        name
        (longhandGeneratorLoss objective longhandG longhandD noiseMatrix)
        (coreLoss (generatorLoss objective) game.Generator.Parameters)

    worstDifference name (generatorLoss objective) game.Generator.Parameters
(*** include-output ***)
(**
And PyTorch's engine, given the same numbers (`dotnet fsi tests/Parity/run.fsx`), found these largest relative differences:
*)
parity
    [
        "BinaryCrossEntropy"
        "Maxout"
        "ConvTranspose2d"
        "MlpGenerator"
        "MlpDiscriminator"
        "DcganGenerator"
        "DcganDiscriminator"
    ]
(*** include-it-raw ***)
(**
## Numerical stability

The losses as the paper writes them form a probability and take its logarithm. In single precision $\sigma(a)$ is 1 from $a = 17$ on, so $1 - \sigma(a)$ is 0. On the other side $e^{-a}$ overflows near $a = -89$, and $\sigma(a)$ is 0. The gradient by the chain rule through the logarithm is worse off:
it divides by what has become 0 and multiplies by it again. *Wrong* is what differs from the truth by more than a thousandth of it, or is no number.
*)
let naive32 (a: float32) = 1.0f / (1.0f + exp -a)
let naive64 (a: float) = 1.0 / (1.0 + exp -a)

/// The core's loss of one logit in single precision, and its slope.
let core32 (target: float) (a: float32) =
    let tape = Tape<float32>()
    let logit = tape.Input(Tensor<float32>.From(Shape(1, 1), ReadOnlySpan [| a |]))

    let loss = logit.BinaryCrossEntropy target
    tape.Backward loss
    float (loss.Value.ToScalar()), float ((nonNull logit.Gradient).ToScalar())

/// What is computed, the sign of its logits, the naive form in both precisions, the core's, and the truth.
let formulas
    : (string *
      float *
      (float32 -> float32) *
      (float -> float) *
      (float32 -> float) *
      (float -> float)) list =
    [
        "−log σ(a), a below 0",
        -1.0,
        (fun a -> -(log (naive32 a))),
        (fun a -> -(log (naive64 a))),
        (fun a -> fst (core32 1.0 a)),
        (fun a -> softplus -a)
        "its slope, −σ(1 − σ) / σ",
        -1.0,
        (fun a -> let d = naive32 a in -(d * (1.0f - d)) / d),
        (fun a -> let d = naive64 a in -(d * (1.0 - d)) / d),
        (fun a -> snd (core32 1.0 a)),
        (fun a -> -(sigmoid -a))
        "−log(1 − σ(a)), a above 0",
        1.0,
        (fun a -> -(log (1.0f - naive32 a))),
        (fun a -> -(log (1.0 - naive64 a))),
        (fun a -> fst (core32 0.0 a)),
        softplus
        "its slope, σ(1 − σ) / (1 − σ)",
        1.0,
        (fun a -> let d = naive32 a in d * (1.0f - d) / (1.0f - d)),
        (fun a -> let d = naive64 a in d * (1.0 - d) / (1.0 - d)),
        (fun a -> snd (core32 0.0 a)),
        sigmoid
    ]

let magnitudes =
    [ 1.0; 5.0; 8.0; 10.0; 17.0; 30.0; 37.0; 80.0; 89.0; 104.0; 700.0; 710.0; 1e4 ]

let isWrong (truth: float) (value: float) = not (abs (value - truth) <= 1e-3 * abs truth)

let firstWrong sign (truth: float -> float) (f: float -> float) =
    magnitudes
    |> List.map (fun magnitude -> sign * magnitude)
    |> List.tryFind (fun a -> isWrong (truth a) (f a))
    |> Option.map (fun a -> $"a = %g{a}: %g{f a} instead of %.4g{truth a}")
    |> Option.defaultValue "none"

table
    [ "formula"; "first wrong, float32"; "first wrong, float64"; "core, float32" ]
    [
        for name, sign, single, double, core, truth in formulas ->
            [
                name
                firstWrong sign truth (float32 >> single >> float)
                firstWrong sign truth double
                firstWrong sign truth (float32 >> core)
            ]
    ]
(*** include-it-raw ***)
holds
    "the core is right to a thousandth at every magnitude"
    (formulas
     |> List.forall (fun (_, sign, _, _, core, truth) ->
         firstWrong sign truth (float32 >> core) = "none"))
(*** include-output ***)
(**
## Experiment: one dimension

The data are normal with mean 4 and deviation 0.5, the noise standard normal, so the right generator is $G(z) = 4 + 0.5\,z$ (or with a minus).

### The discriminator alone

First a generator that stands still, $G(z) = 3 + z$: it is a linear layer whose rate is 0. $p$ and $q$ are known, so $D^* = p / (p + q)$ is known too, and the discriminator, two hidden layers of 32 rectifiers, can be compared with it.

Here and below, ± and the numbers in brackets are the 95 % interval of the mean over the seeds; one seed has none. Where ± is a standard error, the table says so.
*)
let tape = Tape<float32>(ChecksFinite = page.ChecksFinite)
let seeds = [ for i in 0 .. page.Pick(quick = 1, standard = 4) -> page.Seed + uint64 i ]

let adam beta1 : string * (Parameter<float32> seq -> Optimizer<float32>) =
    $"Adam, β1 = {beta1}", fun parameters -> Adam<float32>(parameters, beta1, 0.999, 1e-8)

let still _ = 0.0

/// A rate that falls to 0 in a straight line.
let falling (rate: float) steps step = rate * float (steps - step + 1) / float steps

/// As algorithm 1 has it, with nothing looked at.
let contest name seed settings networks steps rate real =
    {
        Name = name
        Seed = seed
        Settings = settings
        Networks = networks
        Optimizer = adam 0.5
        Rates = (fun _ -> rate), (fun _ -> rate)
        Steps = steps
        DiscriminatorSteps = 1
        BatchSize = 128
        RealTarget = 1.0
        Objective = GeneratorObjective.NonSaturating
        Noise = Noise.Normal
        Real = real
        Looks = 0
        Look = fun _ _ -> [||]
        LookWidth = 1
    }

let inline asRows width (values: seq<_>) =
    let values = values |> Seq.map float32 |> Array.ofSeq
    Tensor<float32>.From(Shape(values.Length / width, width), ReadOnlySpan values)

let target = Normal(4.0, 0.5)

let fromTarget (stream: RandomStream) (batch: Tensor<float32>) =
    for i in 0 .. batch.Length - 1 do
        batch.Span[i] <- float32 (target.Mean + target.StdDev * stream.NextNormal())

let line hidden (stream: RandomStream) =
    Gan<float32>(
        MlpGenerator<float32>(
            MlpGeneratorSettings(
                Noise = 1,
                Hidden = hidden,
                Features = 1,
                Output = ActivationKind.Identity
            ),
            stream.Split "generator"
        ),
        MlpDiscriminator<float32>(
            MlpDiscriminatorSettings(Features = 1, Hidden = [| 32; 32 |], Pieces = 1),
            stream.Split "discriminator"
        )
    )

/// G(z) = 3 + z.
let standing (stream: RandomStream) =
    let gan = line [||] stream
    let parameters = List.ofSeq gan.Generator.Parameters
    parameters[0].Value.Span[ 0 ] <- 1.0f
    parameters[1].Value.Span[ 0 ] <- 3.0f
    gan

let standingSteps = page.Pick(quick = 300, standard = 2000)

let standingRuns =
    Adversaries.trainAll
        tape
        "discriminator alone"
        [
            for seed in seeds ->
                { contest
                      $"alone-{seed}"
                      seed
                      "1-32-32, generator stands still"
                      standing
                      standingSteps
                      0.005
                      fromTarget with
                    Rates = falling 0.005 standingSteps, still
                    BatchSize = 512
                }
        ]

let axis = [| for i in 0..100 -> 0.08 * float i |]
let standingDensity = Normal(3.0, 1.0)

let bestOnAxis =
    axis
    |> Array.map (fun x -> target.Density x / (target.Density x + standingDensity.Density x))

/// How far D is from p / (p + q), over the mixture of the two.
let awayFromBest gan =
    let found = Adversaries.discriminate tape gan (asRows 1 axis)

    let weights = axis |> Array.map (fun x -> target.Density x + standingDensity.Density x)

    (Array.map3 (fun weight d right -> weight * abs (d - right)) weights found bestOnAxis
     |> Array.sum)
    / Array.sum weights

[
    Chart.Line(
        axis,
        axis |> Array.map target.Density,
        Name = "p, the data",
        LineColor = Palette.grey,
        LineDash = StyleParam.DrawingStyle.Dot
    )
    Chart.Line(
        axis,
        axis |> Array.map standingDensity.Density,
        Name = "q, the generator",
        LineColor = Palette.green
    )
    Chart.Line(
        axis,
        bestOnAxis,
        Name = "p / (p + q)",
        LineColor = Palette.orange,
        LineDash = StyleParam.DrawingStyle.LongDash
    )
    Chart.Line(
        axis,
        Adversaries.discriminate tape (snd standingRuns.Head).Gan (asRows 1 axis),
        Name = "D, trained",
        LineColor = Palette.blue,
        LineDash = StyleParam.DrawingStyle.Dash
    )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "x")
|> Chart.withYAxisStyle (TitleText = "density of x; probability that x is real")
|> figure
    "alone"
    "The densities of the data and of a generator that stands still, the best discriminator for the two, and one that was trained: the two fall together where there are samples. The paper's figure 1b is a sketch of this moment."
(*** include-it-raw ***)
settle
    optimalLearned
    [ for course, run in standingRuns -> course.Seed, awayFromBest run.Gan ]
    (Adversaries.totalSeconds standingRuns)
(*** include-output ***)
(**
Where neither puts a point, $D$ says what it likes: nothing was learned there, and a generator that strays there gets no useful gradient.

### Both

Now the generator learns too, with one hidden layer of 16, at a tenth of the discriminator's rate; both rates fall to 0. The figure is the paper's figure 1, over time: press play.
*)
/// The density of 1,000 samples, smoothed, and D, at the places of the axis.
let lookAtLine (noise: Tensor<float32>) tape gan =
    let samples = Adversaries.samples tape gan noise |> Array.map (fun row -> float row[0])

    let density x = samples |> Array.averageBy (fun sample -> Normal.PDF(sample, 0.1, x))

    [| axis |> Array.map density; Adversaries.discriminate tape gan (asRows 1 axis) |]

let lineNoise =
    Adversaries.noise Noise.Normal (RandomStream(page.Seed).Split "watched") 1000 1

let lineSteps = page.Pick(quick = 400, standard = 6000)

let lineRuns =
    Adversaries.trainAll
        tape
        "one dimension"
        [
            for seed in seeds ->
                { contest
                      $"line-{seed}"
                      seed
                      "1-16-1 against 1-32-32"
                      (line [| 16 |])
                      lineSteps
                      0.005
                      fromTarget with
                    Rates = falling 0.01 lineSteps, falling 0.001 lineSteps
                    BatchSize = 256
                    Looks = 20
                    Look = lookAtLine lineNoise
                    LookWidth = axis.Length
                }
        ]

let rounded (values: float[]) = values |> Array.map (fun value -> Math.Round(value, 3))

let frame (step: int, rows: float[][]) =
    $"{step}",
    Chart.combine
        [
            Chart.Line(
                axis,
                axis |> Array.map target.Density |> rounded,
                Name = "p, the data",
                LineColor = Palette.grey,
                LineDash = StyleParam.DrawingStyle.Dot
            )
            Chart.Line(
                axis,
                rounded rows[0],
                Name = "q, the generator",
                LineColor = Palette.green
            )
            Chart.Line(
                axis,
                rounded rows[1],
                Name = "D",
                LineColor = Palette.blue,
                LineDash = StyleParam.DrawingStyle.Dash
            )
        ]

(snd lineRuns.Head).Looks
|> Array.map frame
|> List.ofArray
|> slider "step"
|> Chart.withXAxisStyle (TitleText = "x", MinMax = (0.0, 8.0))
|> Chart.withYAxisStyle (
    TitleText = "density of x; probability that x is real",
    MinMax = (0.0, 1.5)
)
|> figure
    "line"
    "Density of the data (dotted), density of the generator's samples (solid) and the discriminator (dashed) over the steps of training: the generator's hill moves under the data's, and the discriminator levels off. The paper's figure 1 sketches four such moments with the same three lines; in its last the densities are one and D is one half everywhere."
(*** include-it-raw ***)
(** Quantiles of 4,000 samples against those of the data, and how far $D$ is from one half where the data are: *)
let quantiles = [| for i in 1..99 -> float i / 100.0 |]

let quantileDistance gan =
    let noise =
        Adversaries.noise Noise.Normal (RandomStream(page.Seed).Split "quantiles") 4000 1

    let samples = Adversaries.samples tape gan noise |> Array.map (fun row -> float row[0])

    quantiles
    |> Array.averageBy (fun share ->
        abs (Statistics.Quantile(samples, share) - target.InverseCumulativeDistribution share)
        / target.StdDev)

let fromHalf gan =
    let places = quantiles |> Array.map target.InverseCumulativeDistribution

    Adversaries.discriminate tape gan (asRows 1 places)
    |> Array.averageBy (fun d -> abs (d - 0.5))

settle
    findsGaussian
    [ for course, run in lineRuns -> course.Seed, quantileDistance run.Gan ]
    (Adversaries.totalSeconds lineRuns)

settle
    cannotTell
    [ for course, run in lineRuns -> course.Seed, fromHalf run.Gan ]
    (Adversaries.totalSeconds lineRuns)
(*** include-output ***)
(*** hide ***)
let smoothed width (losses: (int * float)[]) =
    losses
    |> Array.chunkBySize width
    |> Array.map (fun part -> fst (Array.last part), Array.averageBy snd part)

let lossLines (run: Outcome) =
    let width = max 1 (run.Losses.Length / 150)
    let of' pick = smoothed width (run.Losses |> Array.map (fun (step, d, g) -> step, pick d g))

    [
        Chart.Line(
            of' (fun d _ -> d),
            Name = "discriminator's loss, −V",
            LineColor = Palette.blue
        )
        Chart.Line(
            of' (fun _ g -> g),
            Name = "generator's loss",
            LineColor = Palette.green,
            LineDash = StyleParam.DrawingStyle.Dot
        )
        Chart.Line(
            [ 1, log 4.0; run.Losses.Length, log 4.0 ],
            Name = "log 4",
            LineColor = Palette.grey,
            LineDash = StyleParam.DrawingStyle.Dash
        )
    ]
    |> Chart.combine
    |> Chart.withXAxisStyle (TitleText = "step")
    |> Chart.withYAxisStyle (TitleText = "loss, nats")
(**
The losses of the same run. A loss that falls does not mean a generator that gets better, as each is measured against an opponent that changes; that the discriminator's loss comes to $\log 4$ means that *this* discriminator can no longer tell the samples from the data.
*)
lossLines (snd lineRuns.Head)
|> figure
    "line-losses"
    "Losses of the discriminator (solid) and of the generator (dotted) over the steps, and log 4 (dashed), the discriminator's loss if it says one half of everything. The paper shows no losses."
(*** include-it-raw ***)
(**
## Experiment: eight hills

Eight normal distributions with deviation 0.05 on a circle of radius 2, a test that Metz et al. (2017) made known. A generator can please the discriminator with one of the hills; then the discriminator learns that this hill is overdone, and the
generator moves on to another. A hill, which the claims and the table call a *mode*, counts as found if at least 1 % of 2,000 samples lie within 0.3 of its centre. One number says how far the samples are from the ring: the total variation distance, half the sum of the differences between the
shares of the eight hills and 1/8 each, and of what lies elsewhere and 0. It is 0 if all is right, 7/8 if everything lies on one hill, and 1 if nothing lies on any.
*)
let centres =
    [|
        for i in 0..7 ->
            let angle = 2.0 * Math.PI * float i / 8.0
            2.0 * cos angle, 2.0 * sin angle
    |]

let fromRing (stream: RandomStream) (batch: Tensor<float32>) =
    for i in 0 .. batch.Shape.Rows - 1 do
        let x, y = centres[stream.NextBelow 8]
        batch[i, 0] <- float32 (x + 0.05 * stream.NextNormal())
        batch[i, 1] <- float32 (y + 0.05 * stream.NextNormal())

/// Shares of samples on each hill.
let shares (points: float[][]) =
    let counts = Array.zeroCreate<float> 8

    for point in points do
        let distance (x, y) = sqrt ((point[0] - x) ** 2.0 + (point[1] - y) ** 2.0)
        let nearest = centres |> Array.map distance |> Array.indexed |> Array.minBy snd

        if snd nearest <= 0.3 then
            counts[fst nearest] <- counts[fst nearest] + 1.0 / float points.Length

    counts

let modes points = shares points |> Array.filter (fun share -> share >= 0.01) |> Array.length

let fromRingDistance points =
    let shares = shares points
    0.5 * (Array.sumBy (fun share -> abs (share - 0.125)) shares + (1.0 - Array.sum shares))

let ringOnly = Tensor<float32>.Zeros(Shape(2000, 2))
fromRing (RandomStream(page.Seed).Split "held out") ringOnly

let rowsOf width (x: Tensor<float32>) =
    x.ToArray() |> Array.map float |> Array.chunkBySize width

let heldOut = rowsOf 2 ringOnly

printfn
    $"2,000 points of the data themselves: {modes heldOut} modes, distance %.3f{fromRingDistance heldOut}"
(*** include-output ***)
let ringNoise width =
    Adversaries.noise Noise.Normal (RandomStream(page.Seed).Split "ring") 2000 width

let ringNetworks width (stream: RandomStream) =
    Gan<float32>(
        MlpGenerator<float32>(
            MlpGeneratorSettings(
                Noise = width,
                Hidden = [| 128; 128 |],
                Features = 2,
                Output = ActivationKind.Identity
            ),
            stream.Split "generator"
        ),
        MlpDiscriminator<float32>(
            MlpDiscriminatorSettings(Features = 2, Hidden = [| 128; 128 |], Pieces = 1),
            stream.Split "discriminator"
        )
    )

let ringSteps = page.Pick(quick = 60, standard = 2500)
let ringRate _ = 0.001

/// Name, width of the noise, and what else differs.
let variants: (string * int * (Contest -> Contest)) list =
    [
        "as it is: k = 1, β₁ = 0.5", 2, id
        "log(1 − D) for the generator",
        2,
        fun contest -> { contest with Objective = GeneratorObjective.Saturating }
        "k = 5", 2, fun contest -> { contest with DiscriminatorSteps = 5 }
        "discriminator at a twentieth of the rate",
        2,
        fun contest -> { contest with Rates = (fun step -> ringRate step / 20.0), ringRate }
        "β₁ = 0.9", 2, fun contest -> { contest with Optimizer = adam 0.9 }
        "real data labelled 0.9", 2, fun contest -> { contest with RealTarget = 0.9 }
        "16 numbers of noise", 16, id
    ]

let ringPoints width tape gan =
    Adversaries.samples tape gan (ringNoise width) |> Array.map (Array.map float)

let ringRuns =
    Adversaries.trainAll
        tape
        "eight hills"
        [
            for i, (_, width, change) in List.indexed variants do
                for seed in seeds ->
                    change
                        { contest
                              $"ring-{i}-{seed}"
                              seed
                              $"{width}-128-128-2 against 2-128-128"
                              (ringNetworks width)
                              ringSteps
                              0.001
                              fromRing with
                            Looks = 12
                            Look = fun tape gan -> ringPoints width tape gan |> Array.take 300
                            LookWidth = 2
                        }
        ]

let ringSamples =
    [ for _, run in ringRuns -> ringPoints run.Gan.Generator.Noise tape run.Gan ]

let byVariant = ringSamples |> List.chunkBySize seeds.Length
let modesOf i = byVariant[i] |> List.map (modes >> float)
let distancesOf i = byVariant[i] |> List.map fromRingDistance

table
    [ "variant"; "modes found, each seed"; "modes, mean"; "distance from the ring" ]
    [
        for i, (name, _, _) in List.indexed variants ->
            [
                name
                modesOf i |> List.map string |> String.concat ", "
                plusMinus "F1" (modesOf i)
                plusMinus "F2" (distancesOf i)
            ]
    ]
(*** include-it-raw ***)
(**
The last two rows are in neither paper: labels of 0.9 come from Salimans et al., and of the width of the noise the theory says nothing, and the table does. The number of modes alone says little, as one sample in a hundred makes a mode: a distance near 1 means that nearly all samples lie between the hills.
*)
(*** hide ***)
let cloud (points: float[][]) =
    Chart.combine
        [
            Chart.Point(
                x = [ for point in heldOut[..199] -> Math.Round(point[0], 3) ],
                y = [ for point in heldOut[..199] -> Math.Round(point[1], 3) ],
                Name = "data",
                MarkerColor = Palette.grey,
                Opacity = 0.8
            )
            Chart.Point(
                x = [ for point in points -> Math.Round(point[0], 3) ],
                y = [ for point in points -> Math.Round(point[1], 3) ],
                Name = "samples",
                MarkerColor = Palette.blue,
                Opacity = 0.7
            )
        ]

let squareAxes chart =
    chart
    |> Chart.withXAxisStyle (TitleText = "x", MinMax = (-3.0, 3.0))
    |> Chart.withYAxis (
        LayoutObjects.LinearAxis.init (
            Title = Title.init "y",
            Range = StyleParam.Range.ofMinMax (-3.0, 3.0),
            ScaleAnchor = StyleParam.ScaleAnchor.X 1
        )
    )
(** The first seed as it is, over its steps: *)
(snd ringRuns.Head).Looks
|> Array.map (fun (step, points) -> $"{step}", cloud points)
|> List.ofArray
|> slider "step"
|> squareAxes
|> figure
    "ring"
    "300 samples of the generator over the steps of training, on data that lie on eight small hills around a circle; points beyond the axes are not shown. Metz et al. show the same ring: their plain adversaries jump from hill to hill, with unrolled steps the samples spread over all eight."
(*** include-it-raw ***)
(** And the end of every variant, the first seed: *)
[ for i, (name, _, _) in List.indexed variants -> name, cloud byVariant[i].Head[..299] ]
|> selector
|> squareAxes
|> figure
    "ring-variants"
    "300 samples at the end of training for each variant, over the eight hills of the data: look for hills without samples, and for samples between hills. Points beyond the axes are not shown."
(*** include-it-raw ***)
let ringSeconds = Adversaries.totalSeconds ringRuns

/// The difference of two measurements, seed by seed.
let difference a b = List.map3 (fun seed a b -> seed, a - b) seeds a b

settle slowCollapses (difference (modesOf 0) (modesOf 3)) ringSeconds
settle oneStep (difference (distancesOf 0) (distancesOf 2)) ringSeconds
settle lessMomentum (difference (distancesOf 4) (distancesOf 0)) ringSeconds
settle smoothingHelps (difference (distancesOf 0) (distancesOf 5)) ringSeconds
(*** include-output ***)
(**
## Measures of samples

A GAN has no density that could be asked how likely a test image is; the paper puts one around its samples. With $n$ samples $s_i$ of $d$ numbers each and a *bandwidth* $\sigma$, the
*Parzen window* estimate is the mean of $n$ Gaussians,

$$
\hat p(x) = \frac1n \sum_{i=1}^n \frac{1}{(2\pi\sigma^2)^{d/2}} \exp\left(-\frac{\lVert x - s_i\rVert^2}{2\sigma^2}\right)
$$

and the paper's number is the mean of $\log \hat p$ over test images, in nats, with the $\sigma$ that does best on images of a validation set. One sample makes it a Gaussian, whose
density we know; in one dimension it has to integrate to 1; and a few points can be computed term by term.
*)
let measureChance = RandomStream(page.Seed).Split("measures")
let measureNormal _ = float32 (measureChance.NextNormal())

let measurePoints count width = Array.init count (fun _ -> Array.init width measureNormal)

// One sample: log N(x; s, σ²) by MathNet, a sum over the dimensions.
let oneSample, onePoint, sigma = measurePoints 1 5, measurePoints 1 5, 0.7

let gaussianLongHand =
    Array.map2
        (fun (s: float32) (x: float32) -> Normal.PDFLn(float s, sigma, float x))
        oneSample[0]
        onePoint[0]
    |> Array.sum

check
    "Parzen, one sample = the Gaussian density"
    ((Parzen.logLikelihood oneSample onePoint sigma)[0] - gaussianLongHand)
    1e-12

// The whole sum, written as the equation has it, which only works while no exponential is 0.
let fewSamples, fewPoints = measurePoints 7 3, measurePoints 4 3

let parzenLongHand (x: float32[]) =
    fewSamples
    |> Array.averageBy (fun s ->
        let squared =
            Array.fold2
                (fun sum (a: float32) (b: float32) -> sum + pown (float a - float b) 2)
                0.0
                x
                s

        exp (-squared / (2.0 * sigma * sigma))
        / (2.0 * Math.PI * sigma * sigma) ** (float x.Length / 2.0))
    |> log

check
    "Parzen, longhand = prelude"
    (Array.map2
        (fun x core -> abs (parzenLongHand x - core))
        fewPoints
        (Parzen.logLikelihood fewSamples fewPoints sigma)
     |> Array.max)
    1e-12

// In one dimension: the sum of the density over a fine grid, times its step, is 1.
let lineSamples, lineStep = measurePoints 20 1, 0.01

let lineGrid = [| for i in -1500 .. 1500 -> [| float32 (float i * lineStep) |] |]

check
    "Parzen in one dimension integrates to 1"
    ((Parzen.logLikelihood lineSamples lineGrid 0.3 |> Array.sumBy exp) * lineStep - 1.0)
    1e-6

// Far away the naive sum is log 0; the prelude takes the largest exponent out first.
let farAway = (Parzen.logLikelihood oneSample [| Array.create 5 1e4f |] sigma)[0]

let farLongHand = oneSample[0] |> Array.sumBy (fun s -> Normal.PDFLn(float s, sigma, 1e4))

check "Parzen far from every sample, relative" (farAway / farLongHand - 1.0) 1e-12

// Of samples of a standard normal distribution, the bandwidth for points of the same is neither the smallest nor the largest.
let bandwidthChosen =
    Parzen.bestBandwidth (measurePoints 500 1) (measurePoints 200 1) [ 0.001; 0.2; 20.0 ]

holds
    "the validation points choose the bandwidth between too narrow and too wide"
    (bandwidthChosen = 0.2)
(*** include-output ***)
(**
Whether a generator copies its training images shows when each sample stands beside its nearest one. And the *Fréchet distance* compares two sets of features as if both were Gaussian, by their means
$m$ and covariances $S$:

$$
d^2 = \lVert m_a - m_b\rVert^2 + \operatorname{tr}\left(S_a + S_b - 2\,(S_a^{1/2} S_b\, S_a^{1/2})^{1/2}\right)
$$

If both covariances have the same eigenvectors the trace is $\sum_i (\sqrt{\lambda_i} - \sqrt{\mu_i})^2$ over their eigenvalues, which a set whose columns do not correlate lets us write down.
*)
let neighbours = [| [| 0.0f; 0.0f |]; [| 3.0f; 4.0f |]; [| 1.0f; 1.0f |] |]

holds
    "the nearest row of (3, 3) is (3, 4), at distance 1"
    (Neighbour.nearest neighbours [| 3.0f; 3.0f |] = (1, 1.0))

holds
    "a row is its own nearest, at distance 0"
    (Neighbour.nearest neighbours neighbours[2] = (2, 0.0))

// The corners of a square: uncorrelated columns, each of mean m and variance 4 w² / 3 (n − 1 = 3).
let square (centre: float list) (halfWidths: float list) =
    matrix
        [
            for x in [ -1.0; 1.0 ] do
                for y in [ -1.0; 1.0 ] ->
                    [ centre[0] + x * halfWidths[0]; centre[1] + y * halfWidths[1] ]
        ]

let squareA, squareB = square [ 0.0; 1.0 ] [ 1.0; 2.0 ], square [ 3.0; -1.0 ] [ 2.0; 0.5 ]
let deviation halfWidth = sqrt (4.0 / 3.0) * halfWidth

let closedForm =
    pown 3.0 2
    + pown -2.0 2
    + pown (deviation 1.0 - deviation 2.0) 2
    + pown (deviation 2.0 - deviation 0.5) 2

check
    "Fréchet, covariances that commute = closed form"
    (Frechet.distance squareA squareB - closedForm)
    1e-12

// Covariances that do not commute, longhand: the eigenvalues of S_a S_b are those of S_a^½ S_b S_a^½.
let featuresOf (mixing: Matrix<float>) count : Matrix<float> =
    Matrix<float>.Build.Dense(count, mixing.RowCount, fun _ _ -> measureChance.NextNormal())
    * mixing

let featuresA =
    featuresOf (matrix [ [ 1.0; 0.5; 0.0 ]; [ 0.0; 1.0; 0.0 ]; [ 0.3; 0.0; 0.7 ] ]) 40

let featuresB =
    featuresOf (matrix [ [ 0.4; 0.0; 0.2 ]; [ 0.9; 1.5; 0.0 ]; [ 0.0; 0.0; 1.0 ] ]) 50

let momentsOf (features: Matrix<float>) =
    let m = features.ColumnSums() / float features.RowCount

    let centred =
        features - Matrix<float>.Build.DenseOfRowVectors(Array.create features.RowCount m)

    m, centred.Transpose() * centred / float (features.RowCount - 1)

let frechetLongHand =
    let (mA, sA), (mB, sB) = momentsOf featuresA, momentsOf featuresB
    let roots = (sA * sB).Evd().EigenValues |> Seq.sumBy (fun value -> sqrt value.Real)
    (mA - mB).DotProduct(mA - mB) + sA.Trace() + sB.Trace() - 2.0 * roots

check
    "Fréchet, longhand = prelude"
    (Frechet.distance featuresA featuresB - frechetLongHand)
    1e-10

check "Fréchet, a set and itself" (Frechet.distance featuresA featuresA) 1e-10

check
    "Fréchet, there = back"
    (Frechet.distance featuresA featuresB - Frechet.distance featuresB featuresA)
    1e-10

// A shift moves the mean alone, so the distance grows by its squared length.
let shifted =
    featuresA.MapIndexed((fun _ column value -> value + float (column + 1)), Zeros.Include)

check "Fréchet, a shift by (1, 2, 3)" (Frechet.distance featuresA shifted - 14.0) 1e-10
(*** include-output ***)
(**
## Experiment: digits

The paper's networks in small: a generator of two rectified hidden layers with a sigmoid for each pixel, a discriminator of two maxout layers with dropout. The authors' published settings have normal noise, twice 1,200 units in the generator and twice 240 units of 5 pieces in the discriminator, batches of 100, and gradient descent with
momentum. Images are the first of MNIST: 7,000 to learn from, 1,000 to choose the width of the Parzen window, and 2,000 more kept for testing.

With `--save FILE` the trained generator of transposed convolutions, further down, becomes a file. With `--corpus DIR` the digits are replaced by images of yours, in files as MNIST has them; sides must be multiples of 4 pixels. They are read at the top of the script, as `images`.
*)
let height, width = images.Height, images.Width
let pixels = images.Train.Features
let learnedFrom = images.Train.Count * 7 / 8
let take (examples: Examples) rows = examples.Take(ReadOnlySpan(Array.ofSeq rows))
let train = take images.Train [ 0 .. learnedFrom - 1 ]
let validation = take images.Train [ learnedFrom .. images.Train.Count - 1 ]
let asFloats (examples: Examples) = examples.Inputs.ToArray() |> Array.chunkBySize pixels

/// Fills a batch with training images, each drawn by itself; scaled from 0..1 to the range that a generator gives.
let fromImages scale (stream: RandomStream) (batch: Tensor<float32>) =
    Adversaries.drawing train stream batch

    for i in 0 .. batch.Length - 1 do
        batch.Span[i] <- scale batch.Span[i]

let noiseSize = 100

let perceptrons (stream: RandomStream) =
    Gan<float32>(
        MlpGenerator<float32>(
            MlpGeneratorSettings(Noise = noiseSize, Hidden = [| 256; 256 |], Features = pixels),
            stream.Split "generator"
        ),
        MlpDiscriminator<float32>(
            MlpDiscriminatorSettings(
                Features = pixels,
                Hidden = [| 64; 64 |],
                Pieces = 5,
                InputDropout = 0.2,
                HiddenDropout = 0.5
            ),
            stream.Split "discriminator"
        )
    )

/// Noise that is the same in every run.
let noiseFor (purpose: string) kind count =
    Adversaries.noise kind (RandomStream(page.Seed).Split purpose) count noiseSize

let shown = noiseFor "shown" Noise.Normal 25

let showSamples noise tape gan =
    Adversaries.samples tape gan noise |> Array.map (Array.map float)

/// A rate that falls to 0 over the second half.
let halfFalling (rate: float) steps step = min rate (2.0 * falling rate steps step)

let digitContest name networks steps =
    { contest name page.Seed "" networks steps 0.0 (fromImages id) with
        Settings = "100-256-256 against maxout 64-64 of 5, dropout 0.2 and 0.5"
        Rates = halfFalling 0.0003 steps, halfFalling 0.0003 steps
        BatchSize = 100
        Noise = Noise.Normal
        Looks = 5
        Look = showSamples shown
        LookWidth = pixels
    }

(**
### A discriminator that is sure

Before both learn: the discriminator alone, against the untrained generator. After each few steps, what would the generator's gradient be, by either loss? Its norm over all of the generator's parameters, and the mean of $D(G(z))$:
*)
let gradientNorms (noise: Tensor<float32>) (tape: Tape<float32>) (gan: Gan<float32>) =
    let norm objective =
        tape.Clear()
        use _ = tape.Training(RandomStream 0UL)
        let loss = gan.GeneratorLoss(tape, noise, objective)

        for parameter in gan.Generator.Parameters do
            parameter.ZeroGradient()

        tape.Backward(loss, towards = gan.Generator.Parameters)

        gan.Generator.Parameters
        |> Seq.sumBy (fun parameter ->
            parameter.Gradient.ToArray() |> Array.sumBy (fun g -> float g ** 2.0))
        |> sqrt

    let nonSaturating = norm GeneratorObjective.NonSaturating
    let saturating = norm GeneratorObjective.Saturating

    let fooled =
        Adversaries.discriminate
            tape
            gan
            (asRows pixels (Seq.concat (Adversaries.samples tape gan noise)))

    [| [| nonSaturating; saturating; Array.average fooled |] |]

let sureRuns =
    Adversaries.trainAll
        tape
        "sure"
        [
            for seed in seeds ->
                { digitContest $"sure-{seed}" perceptrons (page.Pick(quick = 20, standard = 60)) with
                    Seed = seed
                    Rates = (fun _ -> 0.0003), still
                    Looks = 10
                    Look = gradientNorms shown
                    LookWidth = 3
                }
        ]

let sureLine name column colour =
    Chart.Line(
        [ for step, rows in (snd sureRuns.Head).Looks -> step, rows[0][column] ],
        Name = name,
        LineColor = colour
    )

[
    sureLine "gradient of −log D" 0 Palette.blue
    sureLine "gradient of log(1 − D)" 1 Palette.red
    sureLine "mean D(G(z))" 2 Palette.grey
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "steps of the discriminator alone")
|> Chart.withYAxisStyle (
    TitleText = "norm of the gradient; probability",
    AxisType = StyleParam.AxisType.Log
)
|> figure
    "sure"
    "Norm of the generator's gradient by its two losses while the discriminator alone learns, and the mean probability that it gives generated images. As it grows sure, log(1 − D) falls silent and −log D does not. Arjovsky and Bottou draw both for DCGAN, in their figures 2 and 3."
(*** include-it-raw ***)
let lastLook (run: Outcome) = (snd (Array.last run.Looks))[0]

settle
    vanishes
    [
        for course, run in sureRuns ->
            let look = lastLook run
            course.Seed, look[0] / look[1]
    ]
    (Adversaries.totalSeconds sureRuns)
(*** include-output ***)
(**
### Both learn
*)
let digitSteps = page.Pick(quick = 30, standard = 10000)

let perceptronRun =
    Adversaries.trainAll
        tape
        "perceptrons"
        [ digitContest "perceptrons" perceptrons digitSteps ]
    |> List.head
    |> snd

/// The mean of each pixel's channels.
let picture (row: float[]) = row |> Array.chunkBySize images.Channels |> Array.map Array.average

let grid range rows =
    rows |> Array.map picture |> List.ofArray |> mosaicWithin range 5 height width

/// Grids of samples over the steps of training, of pixels in a range.
let gallery range (run: Outcome) =
    run.Looks
    |> Array.map (fun (step, rows) -> $"{step}", grid range rows)
    |> List.ofArray
    |> slider "step"

gallery (0.0, 1.0) perceptronRun
|> figure
    "perceptron-samples"
    "What the generator of perceptrons makes of the same 25 points of noise, over the steps of training. The paper's figure 2a shows such samples at the end of its training on all of MNIST."
(*** include-it-raw ***)
lossLines perceptronRun
|> figure
    "digit-losses"
    "Losses of discriminator and generator on digits over the steps of training. Neither shows how good the samples are."
(*** include-it-raw ***)
(**
### How likely are digits never seen?

The generator gives samples and no probabilities. The paper puts a normal distribution around each of 10,000 samples, all of one width $\sigma$ that is chosen on validation images, and takes the mean of the logarithm of the mixture's density over test images. The same with the untrained generator, and, as a limit, with training images in place of samples; each
with as many centres as there are training images, and a width of its own.
*)
let sampleCount = train.Count
let manyNoise = noiseFor "many" Noise.Normal sampleCount

let testImages, validationImages, trainImages =
    asFloats images.Test, asFloats validation, asFloats train

let judged = Array.truncate (page.Pick(quick = 100, standard = testImages.Length)) testImages

let chosenBy =
    Array.truncate (page.Pick(quick = 50, standard = validationImages.Length)) validationImages

let untrained = perceptrons (RandomStream(page.Seed).Split("training").Split "networks")

let sources: (string * float32[][]) list =
    [
        "untrained generator", Adversaries.samples tape untrained manyNoise
        "trained generator", Adversaries.samples tape perceptronRun.Gan manyNoise
        "training images", trainImages
    ]

let widths = [ for i in 0..9 -> 0.1 * 10.0 ** (float i / 9.0) ]

let parzen, parzenSeconds =
    timed (fun () ->
        [
            for name, samples in sources ->
                let sigma = Parzen.bestBandwidth samples chosenBy widths
                name, sigma, Parzen.logLikelihood samples judged sigma
        ])

let standardError (values: float[]) =
    Statistics.StandardDeviation values / sqrt (float values.Length)

table
    [ "centres"; "width σ"; "log-likelihood of test images, nats"; "standard error" ]
    [
        for name, sigma, values in parzen ->
            [
                name
                $"%.3f{sigma}"
                $"%.1f{Statistics.Mean values}"
                $"%.1f{standardError values}"
            ]
    ]
(*** include-it-raw ***)
(** Table 1 of the paper, MNIST, for other generators and its own; these have all 60,000 images, 10,000 centres and the real test set: *)
table
    [ "model"; "log-likelihood, nats ± standard error" ]
    [
        [ "deep belief network"; "138 ± 2" ]
        [ "stacked contractive autoencoder"; "121 ± 1.6" ]
        [ "deep generative stochastic network"; "214 ± 1.1" ]
        [ "adversarial nets"; "225 ± 2" ]
    ]
(*** include-it-raw ***)
let parzenMeans = [ for _, _, values in parzen -> Statistics.Mean values ]
settle likely [ (page.Seed, parzenMeans[1]) ] (perceptronRun.Seconds + parzenSeconds)
(*** include-output ***)
(**
The last row of ours is what the measure gives to real digits with as many centres. The paper itself warns of it: its variance is high, and in 784 dimensions the windows see little more than distances between blurred images. Theis, van den Oord and Bethge (2016) show that it can rank samples above the very images that they should be like. A second measure is needed.

### A distance that a classifier sees

Heusel et al. 2017 take features of a trained classifier, of real and of generated images, fit a normal distribution to each, and take the Fréchet distance of the two. Theirs is a network for photographs. Ours is trained here, on the digits: two convolutions and a hidden layer of 84 features.
*)
let observerSettings =
    ConvNetSettings(Height = height, Width = width, Channels = images.Channels, Classes = 10)

let observerCourse: Course<ConvNet<float32>> =
    {
        Name = "observer"
        Seed = page.Seed
        Settings = string observerSettings
        Model = fun stream -> ConvNet<float32>(observerSettings, stream)
        Optimizer = adam 0.9
        Rate = fun _ -> 0.001
        Steps = page.Pick(quick = 40, standard = 400)
        BatchSize = 64
        Train = train
        Augment = None
        LooksEvery = None
    }

let observer =
    (Classifiers.trainAll tape "observer" [ observerCourse ] |> List.head |> snd).Model

(** How often it is wrong on images that it has never seen: *)
printfn
    $"the classifier is wrong on %.1f{100.0 * Classifiers.errorRate tape observer images.Test} %% of the test images"
(*** include-output ***)
/// Features of the hidden layer and the class with the largest score.
let observe (rows: float32[][]) =
    let parts =
        [|
            for part in Array.chunkBySize 500 rows do
                tape.Clear()

                let logits =
                    observer.Logits(tape.Constant(asRows pixels (Seq.concat part))).Value

                let features = tape.Find("hidden", "LinearRelu")
                Array.zip (rowsOf 84 features.Value) (rowsOf 10 logits)
        |]
        |> Array.concat

    Matrix<float>.Build.DenseOfRowArrays(Array.map fst parts),
    parts |> Array.map (fun (_, scores) -> Array.IndexOf(scores, Array.max scores))

let reference, _ = observe trainImages
let compared = page.Pick(quick = 200, standard = testImages.Length)

/// The Fréchet distance to the training images, of as many images as there are in the test set.
let frechet (rows: float32[][]) =
    Frechet.distance (fst (observe (Array.truncate compared rows))) reference

let frechetOf =
    [
        "untrained generator", frechet (snd sources[0])
        "trained generator", frechet (snd sources[1])
        "test images", frechet testImages
    ]

table
    [ "images"; "Fréchet distance to training images" ]
    [ for name, distance in frechetOf -> [ name; $"%.2f{distance}" ] ]
(*** include-it-raw ***)
let distances = List.map snd frechetOf

let inOrder =
    [
        parzenMeans[0] < parzenMeans[1]
        parzenMeans[1] < parzenMeans[2]
        distances[0] > distances[1]
        distances[1] > distances[2]
    ]
    |> List.filter id
    |> List.length

settle ordered [ (page.Seed, float inOrder) ] perceptronRun.Seconds
(*** include-output ***)
(** Does it make all digits? What the classifier takes the samples for, beside the test images: *)
let classShares rows =
    let classes = snd (observe rows)

    [
        for digit in 0..9 ->
            100.0 * float (classes |> Array.filter ((=) digit) |> Array.length)
            / float classes.Length
    ]

let madeShares, realShares =
    classShares (Array.truncate compared (snd sources[1])),
    classShares (Array.truncate compared testImages)

[
    Chart.Column(
        values = realShares,
        Keys = [ 0..9 ],
        Name = "test images",
        MarkerColor = Palette.grey
    )
    Chart.Column(
        values = madeShares,
        Keys = [ 0..9 ],
        Name = "samples",
        MarkerColor = Palette.blue
    )
]
|> Chart.combine
|> Chart.withXAxisStyle (
    TitleText = "digit, as the classifier has it",
    // A name under each pair of bars, where numbers would get one under every second.
    AxisType = StyleParam.AxisType.Category
)
|> Chart.withYAxisStyle (TitleText = "share, %")
|> figure
    "classes"
    "How often the classifier takes a sample, and a test image, for each of the ten digits: where the bar of the samples is missing, the generator leaves a digit out."
(*** include-it-raw ***)
(**
### Learned by heart?

The paper shows the nearest training image beside each sample. Nearest in the sum of squared differences of pixels; samples in the first row, below them the nearest training images.
*)
let madeImages = snd sources[1]
let pairsShown = 10

let nearestImages =
    madeImages[.. pairsShown - 1]
    |> Array.map (fun image -> trainImages[fst (Neighbour.nearest trainImages image)])

[
    for image in madeImages[.. pairsShown - 1] -> picture (Array.map float image)
    for image in nearestImages -> picture (Array.map float image)
]
|> mosaicWithin (0.0, 1.0) pairsShown height width
|> figure
    "neighbours"
    "Ten samples in the upper row and the nearest training image of each in the lower. The paper's figure 2 has the nearest training image in its last column, beside the sample next to it."
(*** include-it-raw ***)
let nearness (rows: float32[][]) =
    rows
    |> Array.truncate (page.Pick(quick = 50, standard = 500))
    |> Array.map (fun image -> snd (Neighbour.nearest trainImages image))

let madeNearness, realNearness = nearness madeImages, nearness testImages
let closest = Statistics.Quantile(realNearness, 0.01)

printfn
    $"distance to the nearest training image, median: samples %.2f{Statistics.Median madeNearness}, test images %.2f{Statistics.Median realNearness}"

let tooClose = madeNearness |> Array.filter (fun d -> d < closest) |> Array.length

settle
    noCopies
    [ (page.Seed, 100.0 * float tooClose / float madeNearness.Length) ]
    perceptronRun.Seconds
(*** include-output ***)
(**
### Between two samples

If the generator had a picture for each point and nothing between, the way from one point of noise to another would jump. Straight lines between two points of noise, one a row:
*)
let interpolated count =
    let ends = rowsOf noiseSize (noiseFor "ends" Noise.Normal (2 * count))

    [
        for pair in Array.chunkBySize 2 ends do
            for i in 0..7 do
                let share = float i / 7.0
                Array.map2 (fun a b -> (1.0 - share) * a + share * b) pair[0] pair[1]
    ]
    |> Seq.concat
    |> asRows noiseSize

showSamples (interpolated 5) tape perceptronRun.Gan
|> Array.map picture
|> List.ofArray
|> mosaicWithin (0.0, 1.0) 8 height width
|> figure
    "interpolation"
    "Five rows of eight samples; in each row the noise goes in a straight line from one point to another. The paper's figure 3 does the same: one digit turns into another by shapes that are nearly digits."
(*** include-it-raw ***)
(**
## Experiment: transposed convolutions

Radford et al. 2015 replace the perceptrons by convolutions and give rules that made them train: strides instead of pooling, batch normalization in both networks, rectifiers in the generator with tanh at its end, leaky rectifiers in the discriminator, no hidden linear layers, Adam with a rate of 0.0002 and β₁ = 0.5, weights of deviation 0.02. Same digits, pixels from −1 to 1, uniform noise, batches of 64. Their generator has four transposed convolutions and begins with 1,024 channels, for images of 64x64; ours has two and begins with 64, for 28x28.
*)
let dcganSettings normalized =
    DcganSettings(
        Height = height,
        Width = width,
        Channels = images.Channels,
        Noise = noiseSize,
        Filters = 32,
        BatchNormalization = normalized
    )

let convolutional normalized (stream: RandomStream) =
    let settings = dcganSettings normalized

    Gan<float32>(
        DcganGenerator<float32>(settings, stream.Split "generator"),
        DcganDiscriminator<float32>(settings, stream.Split "discriminator")
    )

let dcganContest name normalized steps =
    { digitContest name (convolutional normalized) steps with
        Settings = string (dcganSettings normalized)
        Rates = (fun _ -> 0.0002), (fun _ -> 0.0002)
        BatchSize = 64
        Noise = Noise.Uniform
        Look = showSamples (noiseFor "shown" Noise.Uniform 25)
        Real = fromImages (fun pixel -> 2.0f * pixel - 1.0f)
    }

let dcganSteps = page.Pick(quick = 6, standard = 1600)

let dcganRun =
    Adversaries.trainAll tape "DCGAN" [ dcganContest "dcgan" true dcganSteps ]
    |> List.head
    |> snd

for file in Option.toList page.SaveTo do
    reading (fun () -> ModelFile.Save(file, dcganRun.Gan.Generator))
    printfn $"saved: {file}"

gallery (-1.0, 1.0) dcganRun
|> figure
    "dcgan-samples"
    "What the generator of transposed convolutions makes of the same 25 points of noise, over the steps of training. Radford et al. show bedrooms after one pass over their data and after five, in figures 2 and 3."
(*** include-it-raw ***)
lossLines dcganRun
|> figure
    "dcgan-losses"
    "Losses of DCGAN's discriminator and generator on digits over the steps of training. The paper shows none."
(*** include-it-raw ***)
(** The same measures, on pixels moved back to 0..1: *)
let imagesOf (run: Outcome) =
    Adversaries.samples tape run.Gan (noiseFor "many" Noise.Uniform sampleCount)
    |> Array.map (Array.map (fun pixel -> (pixel + 1.0f) / 2.0f))

let dcganImages = imagesOf dcganRun
let dcganDistance = frechet dcganImages

let dcganSigma = Parzen.bestBandwidth dcganImages chosenBy widths
let dcganLikelihood = Parzen.logLikelihood dcganImages judged dcganSigma

table
    [
        "generator"
        "parameters"
        "seconds"
        "Fréchet distance"
        "Parzen, nats ± standard error"
    ]
    [
        for name, run: Outcome, distance, values in
            [
                "perceptrons",
                perceptronRun,
                distances[1],
                (let _, _, values = parzen[1] in values)
                "transposed convolutions", dcganRun, dcganDistance, dcganLikelihood
            ] ->
            [
                name
                formatted
                    "N0"
                    (run.Gan.Generator.Parameters
                     |> Seq.sumBy (fun parameter -> float parameter.Value.Length))
                $"%.0f{run.Seconds}"
                $"%.2f{distance}"
                $"%.1f{Statistics.Mean values} ± %.1f{standardError values}"
            ]
    ]
(*** include-it-raw ***)
settle
    convolutionsBetter
    [ (page.Seed, dcganDistance / distances[1]) ]
    (perceptronRun.Seconds + dcganRun.Seconds)
(*** include-output ***)
(**
## Break it

DCGAN without batch normalization, everything else the same:
*)
let bareRun =
    Adversaries.trainAll tape "without normalization" [ dcganContest "bare" false dcganSteps ]
    |> List.head
    |> snd

let lastGrid (run: Outcome) = grid (-1.0, 1.0) (snd (Array.last run.Looks))

[ "with batch normalization", lastGrid dcganRun; "without", lastGrid bareRun ]
|> selector
|> figure
    "break-it"
    "Samples of DCGAN at the end of training, with and without batch normalization. The paper says in words what the normalization is for, and has no such picture."
(*** include-it-raw ***)
let bareDistance = frechet (imagesOf bareRun)

printfn
    $"Fréchet distance: %.2f{dcganDistance} with, %.2f{bareDistance} without batch normalization"

settle
    normalizationNeeded
    [ (page.Seed, bareDistance / dcganDistance) ]
    (dcganRun.Seconds + bareRun.Seconds)
(*** include-output ***)
(**
## Paper says, we did

| the papers say | we did | why |
|:--|:--|:--|
| $p_{\text{data}}$ and $p_g$, densities of $x$ | $p$ and $q$ | shorter |
| $D$ is a probability | $D = \sigma(a)$; the networks give the logit $a$ | no logarithm of a probability, [above](#Numerical-stability) |
| $D$ climbs $V$ | $L_D = -V$ goes down (GAN-1) | one kind of optimizer |
| $G$ minimizes $\log(1 - D)$, or better maximizes $\log D$ | both; the second unless it says otherwise | GAN-2, GAN-3 |
| $k = 1$ (algorithm 1) | the same | |
| maxout and dropout in $D$; a mixture of rectifiers and sigmoids in $G$ | the same $D$; rectifiers in all hidden layers of $G$, a sigmoid at its end where the data lie between 0 and 1 | the mixture is not given |
| momentum (algorithm 1); Adam, rate 0.0002, $\beta_1 = 0.5$ (DCGAN) | stated at each experiment | |
| DCGAN: kernels of 5x5 in its figure 1, images of 64x64, four transposed convolutions | kernels of 4x4, images of a height and width that are multiples of 4, two transposed convolutions | a stride of 2 divides the kernel; small images |
| DCGAN: batches of 128 | 64 | time |
| DCGAN: $D$'s last image flattened "into a single sigmoid output" | the same, as a logit | |
| MNIST, faces and CIFAR-10; DCGAN bedrooms, faces, ImageNet | the first 8,000 digits of MNIST, a ring and a line | what fits into the repository and into minutes |
| digits: twice 1,200 rectifiers against twice 240 maxout units of 5 pieces, gradient descent with a rate of 0.1 and momentum, batches of 100 (the authors' published settings) | twice 256 against twice 64 of 5; Adam, a rate of 0.0003 that falls to 0 over the second half; the same batches | our training is short |
| Parzen windows around 10,000 samples, σ by validation | 7,000, as many as there are training images; the same | so that samples and images can be compared |
| one run a network | five seeds where the data are a line or a ring, and where the discriminator alone learns digits; one where both learn digits | time |
| real and generated examples in one batch or two: not said | two | batch normalization sees one kind at a time |

**Errata and what came after.** The proof of convergence (proposition 2) is of densities, and the paper says itself that networks are left without its guarantee. Its table 1 compares models by the likelihood of test images under a Parzen window around samples; Theis et al. (2016) show that this estimate can
rank a model that copies centres of clusters above the data's own distribution. That the paper's non-saturating game "results in the same fixed point" is true of $p = q$, but it is no longer one value that one player raises and the other lowers. DCGAN's paper says that its layers are "wrongly called" deconvolutions.

## Exercises

**1. Write a pullback.** The discriminator's loss on some logits, one half real (target 1) and one half generated (target 0): from the logits of both to their gradients (BCE-2). Try it from $-\log \sigma(a)$ and $-\log(1 - \sigma(a))$ on paper.
*)
/// Yours to write: the gradients of mean(−log σ(real)) + mean(−log(1 − σ(generated))).
let lossPullback (real: float[]) (generated: float[]) : float[] * float[] =
    Array.map (fun _ -> 0.0) real, Array.map (fun _ -> 0.0) generated

let errorOfLoss (pullback: float[] -> float[] -> float[] * float[]) =
    let real, generated = 2.0 * normalVector 5, 2.0 * normalVector 4
    let dReal, dGenerated = pullback (real.ToArray()) (generated.ToArray())

    [ 1.0, real, dReal; 0.0, generated, dGenerated ]
    |> List.map (fun (target, logits, derived) ->
        let _, gradients =
            runRule
                (entropyRule target)
                [ Tensor.ofMatrix (logits.ToColumnMatrix()) ]
                (Tensor<float>.Scalar 1.0)

        (vector derived - vectorOf (List.head gradients)).InfinityNorm())
    |> List.max

let outcome error = if error < 1e-10 then "solved" else $"still open, error %.1e{error}"
printfn $"exercise 1: {outcome (errorOfLoss lossPullback)}"
(*** include-output ***)
(*** hide ***)
let lossSolution (real: float[]) (generated: float[]) =
    real |> Array.map (fun a -> (sigmoid a - 1.0) / float real.Length),
    generated |> Array.map (fun a -> sigmoid a / float generated.Length)

check "the solution of exercise 1" (errorOfLoss lossSolution) 1e-12
(**
<details><summary>Solution</summary>

`real |> Array.map (fun a -> (sigmoid a - 1.0) / float real.Length), generated |> Array.map (fun a -> sigmoid a / float generated.Length)`

$D$ is pushed in proportion to how wrong it is.

</details>

**2. Write a pullback.** The transposed convolution of a line of numbers, as `stamp` above computes it: from the kernel, the stride and $dy$ to $dx$ (CONVT-2).
*)
/// Yours to write.
let stampPullback (kernel: float[]) (stride: int) (dy: float[]) : float[] =
    Array.zeroCreate ((dy.Length - kernel.Length) / stride + 1)

let errorOfStamp (pullback: float[] -> int -> float[] -> float[]) =
    [
        for kernel, stride in [ 3, 1; 4, 2; 2, 3 ] do
            let x, w = normalVector 6, normalVector kernel
            let dy = normalVector ((6 - 1) * stride + kernel)

            let _, gradients =
                runRule
                    (fun _ inputs -> inputs[0].ConvTranspose2d(inputs[1], stride = stride))
                    [
                        asTensor [ 1; 1; 6; 1 ] (x.ToRowMatrix())
                        asTensor [ 1; kernel; 1; 1 ] (w.ToRowMatrix())
                    ]
                    (Tensor.ofVector dy)

            (vector (pullback (w.ToArray()) stride (dy.ToArray()))
             - vectorOf (List.head gradients))
                .InfinityNorm()
    ]
    |> List.max

printfn $"exercise 2: {outcome (errorOfStamp stampPullback)}"
(*** include-output ***)
(*** hide ***)
let stampSolution (kernel: float[]) stride (dy: float[]) =
    Array.init ((dy.Length - kernel.Length) / stride + 1) (fun i ->
        kernel |> Seq.mapi (fun u weight -> weight * dy[stride * i + u]) |> Seq.sum)

check "the solution of exercise 2" (errorOfStamp stampSolution) 1e-12
(**
<details><summary>Solution</summary>

`Array.init ((dy.Length - kernel.Length) / stride + 1) (fun i -> kernel |> Seq.mapi (fun u w -> w * dy[stride * i + u]) |> Seq.sum)`

What a number stamped, it collects: a convolution with the same kernel, not turned, at the same stride.

</details>

**3. Find the bug.** A colleague sets all gradients to zero and then takes a step with each of two optimizers, the discriminator's first. The losses look plausible. What leaks, and where? Mend it below.
*)
let suspectStep (gan: Gan<float>) (ofD: Optimizer<float>) (ofG: Optimizer<float>) =
    let tape = Tape<float>(training = true)
    ofD.ZeroGradients()
    ofG.ZeroGradients()
    tape.Backward(gan.DiscriminatorLoss(tape, real, noise))
    ofD.Step 0.1
    tape.Clear()
    tape.Backward(gan.GeneratorLoss(tape, noise))
    ofG.Step 0.1

/// The largest difference that two steps leave in the parameters, from a step in which each loss sees its own player only.
let errorOfStep (step: Gan<float> -> Optimizer<float> -> Optimizer<float> -> unit) =
    let right (gan: Gan<float>) (ofD: Optimizer<float>) (ofG: Optimizer<float>) =
        let tape = Tape<float>(training = true)

        for player, optimizer, loss in
            [
                gan.Discriminator.Parameters,
                ofD,
                (fun () -> gan.DiscriminatorLoss(tape, real, noise))
                gan.Generator.Parameters, ofG, (fun () -> gan.GeneratorLoss(tape, noise))
            ] do
            tape.Clear()
            let loss = loss ()
            optimizer.ZeroGradients()
            tape.Backward(loss, towards = player)
            optimizer.Step 0.1

    let played step =
        let gan = makeGame (RandomStream(page.Seed).Split "exercise")
        let ofD = Sgd<float>(gan.Discriminator.Parameters)
        let ofG = Sgd<float>(gan.Generator.Parameters)

        for _ in 1..2 do
            step gan (ofD :> Optimizer<float>) (ofG :> Optimizer<float>)

        [
            for parameter in Seq.append gan.Generator.Parameters gan.Discriminator.Parameters do
                yield! parameter.Value.ToArray()
        ]

    List.map2 (fun a b -> abs (a - b)) (played step) (played right) |> List.max

printfn $"exercise 3: {outcome (errorOfStep suspectStep)}"
(*** include-output ***)
(*** hide ***)
let mendedStep (gan: Gan<float>) (ofD: Optimizer<float>) (ofG: Optimizer<float>) =
    let tape = Tape<float>(training = true)
    ofD.ZeroGradients()
    tape.Backward(gan.DiscriminatorLoss(tape, real, noise))
    ofD.Step 0.1
    tape.Clear()
    ofG.ZeroGradients()
    tape.Backward(gan.GeneratorLoss(tape, noise))
    ofG.Step 0.1

check "the solution of exercise 3" (errorOfStep mendedStep) 1e-12

let leaked = snd (coreLoss discriminatorLoss game.Generator.Parameters)

let wanted =
    snd (coreLoss (generatorLoss GeneratorObjective.Saturating) game.Generator.Parameters)

check
    "what leaks is the opposite of the saturating loss's gradient"
    (((leaked + wanted).W1).Enumerate() |> Seq.map abs |> Seq.max)
    1e-12
(**
<details><summary>Solution</summary>

The discriminator's loss depends on the generator, so its backward pass leaves a gradient in the generator's parameters, and the generator's optimizer adds it to its own. It is the gradient by which $G$ would help $D$: exactly the opposite of that of GAN-3 at the same noise. Move `ofG.ZeroGradients()` behind
`tape.Clear()`, or go backward `towards` the parameters of one player, which also saves the work. The leak the other way, of $G$'s loss into $D$, is wiped out by `ofD.ZeroGradients()` of the next step.

</details>

**4. Compute D\*.** The data are uniform on 0 to 2, the generated examples uniform on 1 to 4. What is $D^*(x)$, and what is $V(D^*, G)$?
*)
/// Yours to write, for 0 ≤ x ≤ 4.
let uniformBest (x: float) : float = 0.5

/// Yours to find.
let uniformValue: float = 0.0

/// Against grids, and against a sum over the middles of 4,000 intervals.
let errorOfUniform (best: float -> float) (value: float) =
    let densities x = (if x < 2.0 then 1.0 / 2.0 else 0.0), (if x > 1.0 then 1.0 / 3.0 else 0.0)
    let part weight chance = if weight = 0.0 then 0.0 else weight * log chance

    let wrong =
        [ 0.25; 0.75; 1.25; 1.75; 2.5; 3.5 ]
        |> List.map (fun x ->
            let p, q = densities x
            abs (best x - largest (fun d -> part p d + part q (1.0 - d)) 0.0 1.0))
        |> List.max

    let sum =
        [ 0.0005..0.001..3.9996 ]
        |> List.sumBy (fun x ->
            let p, q = densities x
            0.001 * (part p (p / (p + q)) + part q (q / (p + q))))

    max wrong (abs (value - sum))

let solvedUniform error = if error < 1e-6 then "solved" else $"still open, error %.2g{error}"
printfn $"exercise 4: {solvedUniform (errorOfUniform uniformBest uniformValue)}"
(*** include-output ***)
(*** hide ***)
check
    "the solution of exercise 4"
    (errorOfUniform
        (fun x ->
            if x < 1.0 then 1.0
            elif x < 2.0 then 0.6
            else 0.0)
        (0.5 * log 0.6 + log 0.4 / 3.0))
    1e-6

(**
<details><summary>Solution</summary>

1 on 0 to 1, where there are only data; $\frac12 / (\frac12 + \frac13) = \frac35$ on 1 to 2; 0 on 2 to 4. Where $D^*$ is 1 or 0 it adds nothing to $V$, so $V = \frac12 \log \frac35 + \frac13 \log \frac25 = -0.561$.

</details>

**5.** *One-sided label smoothing* (Salimans et al. 2016) asks for $t = 0.9$ of real examples in place of 1. What is $D^*$ then? What would go wrong if generated ones got a target above 0, too?

<details><summary>Solution</summary>

The integrand is $p\,(t \log D + (1 - t) \log(1 - D)) + q \log(1 - D)$, and $D^* = t p / (p + q)$: where there are only data, the best logit is $\log 9$ and no more. With a target $s$ for generated ones, $D^* = (t p + s q) / (p + q)$, and no logit is below $\log(s / (1 - s))$. Where $p \ll q$ it is
flat there, so the generated examples that are farthest from the data would get no gradient.

</details>
*)
(*** hide ***)
check
    "smoothed D* = t p / (p + q), worst"
    (places
     |> List.map (fun x ->
         let p, q = exp (data x), exp (near x)

         let found =
             largest
                 (fun d -> p * (0.9 * log d + 0.1 * log (1.0 - d)) + q * log (1.0 - d))
                 0.0
                 1.0

         abs (found - 0.9 * p / (p + q)))
     |> List.max)
    1e-6
(**
**6.** You want to triple the height and the width of an image with one transposed convolution, without a chequerboard. Which kernel and which padding?

<details><summary>Solution</summary>

$s = 3$ and $3 \cdot \text{height} = 3\,(\text{height} - 1) + k - 2p$, so $k = 3 + 2p$, and 3 must divide $k$: a kernel of 3 without padding, whose stamps do not overlap; or 9 with $p = 3$, where each pixel gets nine of them.

</details>

## References

- Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville and Bengio 2014, [Generative Adversarial Nets](https://arxiv.org/abs/1406.2661).
- Radford, Metz and Chintala 2015, [Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks](https://arxiv.org/abs/1511.06434).
- Goodfellow, Warde-Farley, Mirza, Courville and Bengio 2013, [Maxout Networks](https://arxiv.org/abs/1302.4389).
- Goodfellow 2016, [NIPS 2016 Tutorial: Generative Adversarial Networks](https://arxiv.org/abs/1701.00160).
- Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen 2016, [Improved Techniques for Training GANs](https://arxiv.org/abs/1606.03498): one-sided label smoothing.
- Metz, Poole, Pfau and Sohl-Dickstein 2017, [Unrolled Generative Adversarial Networks](https://arxiv.org/abs/1611.02163): the ring of eight hills.
- Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter 2017, [GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium](https://arxiv.org/abs/1706.08500): the Fréchet distance of features.
- Breuleux, Bengio and Vincent 2011, Quickly Generating Representative Samples from an RBM-Derived Process: Parzen windows around samples.
- Theis, van den Oord and Bethge 2016, [A note on the evaluation of generative models](https://arxiv.org/abs/1511.01844): what Parzen windows measure.
- Arjovsky and Bottou 2017, [Towards Principled Methods for Training Generative Adversarial Networks](https://arxiv.org/abs/1701.04862): distributions that do not overlap.
- Mescheder, Geiger and Nowozin 2018, [Which Training Methods for GANs do actually Converge?](https://arxiv.org/abs/1801.04406): the game of two numbers.
- Odena, Dumoulin and Olah 2016, [Deconvolution and Checkerboard Artifacts](https://distill.pub/2016/deconv-checkerboard/).
- Dumoulin and Visin 2016, [A guide to convolution arithmetic for deep learning](https://arxiv.org/abs/1603.07285).
- Kingma and Ba 2014, [Adam: A Method for Stochastic Optimization](https://arxiv.org/abs/1412.6980).
*)
(*** hide ***)
finish page
