(**
---
title: Generative Adversarial Nets
category: Papers
categoryindex: 2
index: 6
description: Two networks that learn against each other; why the game has one solution, why gradient steps may circle around it, and what made it work on images.
year: 2014
keywords: generative adversarial network, GAN, DCGAN, minimax, Jensen-Shannon divergence, non-saturating loss, maxout, transposed convolution, chequerboard
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
open MathNet.Numerics.LinearAlgebra
open MathNet.Numerics.Statistics
open Plotly.NET

(*** hide ***)
let page = Page.start "gan" [ Extra.Resume; Extra.CheckFinite; Extra.Save; Extra.Corpus ]

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

table
    [ "round"; "generated points"; "D of them"; "D of the real ones"; "slope s" ]
    [
        for number in [ 0; 1; 2; 3; 5; 10; 20; 60 ] ->
            let line, generated = rounds[number]

            [
                string number
                spaced "F2" generated
                spaced "F2" (judge line generated)
                spaced "F2" (judge line realPoints)
                formatted "F2" (fst line)
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

The generator of images has to go from few numbers to many pixels. A *transposed convolution* does it by stamping: each number of its input puts a copy of the kernel, times itself, into
the output, and the copies stand a stride apart. Where they overlap they add. The input 1, 2, 3, a kernel of 1, 1, 1, and a stride of 2:
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
Every second number got one stamp and every other got two. So a constant input does not give a constant output, unless the kernel makes up for it. With a kernel of four, all numbers but those at the ends get two. The
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
    "all places get as many stamps, if and only if the stride divides the kernel"
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
    "Number of stamps that reach each pixel where eight by eight pixels are stamped at a stride of 2, with kernels of 3x3 and of 4x4."
(*** include-it-raw ***)
(** CLAIMS *)
(**
## Derivation

### The game

$x$ is an example, $[\text{features}]$; $p(x)$ is the density of the data. The noise $z$, $[\text{noise}]$, has a distribution that is easy to draw from, and $q(x)$ is the density of $G(z)$. The
discriminator gives a probability, $0 < D(x) < 1$. The paper's value function (its equation 1) is

$$ V(D, G) = \mathbb{E}_{x \sim p} \log D(x) + \mathbb{E}_{z} \log(1 - D(G(z))) = \int \bigl(p(x) \log D(x) + q(x) \log(1 - D(x))\bigr)\,dx $$

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
| weights normal with a deviation of 0.02; Adam with a rate of 0.0002 and $\beta_1 = 0.5$; batches of 128 | the same weights |

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
Now the data are normal with mean 0, and the generated distribution the same at a distance $d$. The best logit is $d^2/2 - dx$. The generator can move $d$. The two columns on the right are the slopes of its losses in $d$, with $D^*$ held fixed: the mean over $q$ of BCE-2's slope times
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
    "non-saturating and at once, it ends at a distance of √2h"
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
    "Paths of a generator with one parameter against a discriminator with one parameter over a thousand steps of 0.2; the equilibrium is the origin."
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
let three = matrix [ [ -2.0; 1.0; 3.0 ] ]
let asRectifier, _ = longhandMaxout 2 (three.Append(0.0 * three))
let asAbsolute, _ = longhandMaxout 2 (three.Append(-three))

printfn $"max(v, 0):  {inLine (asRectifier.Row 0)}"
printfn $"max(v, −v): {inLine (asAbsolute.Row 0)}"
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

The rules: binary cross-entropy from logits (which it calls z), maxout, and the transposed convolution, whose pullback is a convolution.
*)
(*** hide ***)
csharp "Rules/BinaryCrossEntropy.cs" "Forward"
(*** include-it-raw ***)
(*** hide ***)
csharp "Rules/Maxout.cs" "Forward"
(*** include-it-raw ***)
(*** hide ***)
csharp "Rules/ConvTranspose2d.cs" "Forward"
(*** include-it-raw ***)
(** The two losses: *)
(*** hide ***)
csharp "Models/Gan.cs" "DiscriminatorLoss"
(*** include-it-raw ***)
(*** hide ***)
csharp "Models/Gan.cs" "GeneratorLoss"
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
csharp "Models/DcganGenerator.cs" "Generate"
(*** include-it-raw ***)
(*** hide ***)
csharp "Models/DcganDiscriminator.cs" "Logits"
(*** include-it-raw ***)
(**
## Agreement

The longhand against the core, in double; then the core's gradients against central differences along random cotangents, which know nothing of the derivation.
*)
let random = RandomStream(page.Seed).Split("agreement")

let normalMatrix rows columns =
    Matrix<float>.Build.Dense(rows, columns, (fun _ _ -> random.NextNormal()))

let normalVector count = (normalMatrix 1 count).Row 0

let asTensor (shape: int list) (m: Matrix<float>) =
    (Tensor.ofMatrix m).Reshape(Shape(Array.ofList shape))

let vectorOf (tensor: Tensor<float>) = vector (tensor.ToArray())

(*** hide ***)
/// Runs a rule in double and returns its value, and the gradient of each input for a cotangent.
let runRule
    (record: Tape<float> -> Variable<float> list -> Variable<float>)
    (inputs: Tensor<float> list)
    (cotangent: Tensor<float>)
    =
    let tape = Tape<float>()
    let variables = inputs |> List.map tape.Input
    let output = record tape variables
    tape.Backward(output, cotangent.Reshape output.Value.Shape)

    output.Value.ToPersistent(),
    variables |> List.map (fun variable -> (nonNull variable.Gradient).ToPersistent())

let agree name (longhand: Matrix<float>) (core: Tensor<float>) =
    check
        $"longhand = core, {name}"
        (Tensor.distance
            (Tensor.ofMatrix longhand)
            (core.Reshape(Shape(longhand.RowCount, longhand.ColumnCount))))
        1e-12

/// The worst error of each input's gradient against central differences.
let differences
    (name: string)
    (record: Tape<float> -> Variable<float> list -> Variable<float>)
    (inputs: (string * Tensor<float>) list)
    =
    let errors =
        GradCheck.Run(
            (fun tape variables -> record tape (List.ofArray variables)),
            [| for _, tensor in inputs -> tensor |],
            [||],
            random
        )

    for (input, _), error in Seq.zip inputs errors do
        check $"derived = differences, {name}, d{input}" error.Error 1e-6

(**
*)
let entropyRule target (tape: Tape<float>) (inputs: Variable<float> list) =
    tape.Record(
        "entropy",
        BinaryCrossEntropy.Forward(target, inputs[0].Value, tape.Arena),
        Array.ofList inputs
    )

for target in [ 0.0; 0.9; 1.0 ] do
    let logits = 3.0 * normalMatrix 7 1
    let loss, da = longhandEntropy target logits
    let name = $"binary cross-entropy, target %g{target}"

    let core, gradients =
        runRule (entropyRule target) [ Tensor.ofMatrix logits ] (Tensor<float>.Scalar 1.0)

    check $"longhand = core, {name}" (core.ToScalar() - loss) 1e-12
    agree $"{name}, da" da (List.head gradients)
    differences name (entropyRule target) [ ("a", Tensor.ofMatrix logits) ]

let maxoutRule pieces (tape: Tape<float>) (inputs: Variable<float> list) =
    tape.Record(
        "maxout",
        Maxout.Forward(pieces, inputs[0].Value, tape.Arena),
        Array.ofList inputs
    )

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
let transposedRule stride padding (tape: Tape<float>) (inputs: Variable<float> list) =
    tape.Record(
        "transposed convolution",
        ConvTranspose2d.Forward(
            stride,
            padding,
            inputs[0].Value,
            inputs[1].Value,
            inputs[2].Value,
            tape.Arena
        ),
        Array.ofList inputs
    )

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

let chance = random.Split "dropout"
let discriminatorLoss (tape: Tape<float>) = game.DiscriminatorLoss(tape, real, noise, chance)

let generatorLoss (objective: GeneratorObjective) (tape: Tape<float>) =
    game.GeneratorLoss(tape, noise, chance, objective)

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
let core32 target (a: float32) =
    let tape = Tape<float32>()
    let logit = tape.Input(Tensor<float32>.From(Shape(1, 1), ReadOnlySpan [| a |]))

    let loss =
        tape.Record(
            "entropy",
            BinaryCrossEntropy.Forward(target, logit.Value, tape.Arena),
            logit
        )

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
    |> Option.map (fun a -> $"a = %g{a}: %g{f a} for %.4g{truth a}")
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
(** EXPERIMENTS *)
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
| DCGAN: $D$'s last image flattened "into a single sigmoid output" | the same, as a logit | |
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
                    (fun tape inputs ->
                        tape.Record(
                            "stamps",
                            ConvTranspose2d.Forward(
                                stride,
                                0,
                                inputs[0].Value,
                                inputs[1].Value,
                                null,
                                tape.Arena
                            ),
                            Array.ofList inputs
                        ))
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
    let tape = Tape<float>()
    ofD.ZeroGradients()
    ofG.ZeroGradients()
    tape.Backward(gan.DiscriminatorLoss(tape, real, noise, chance))
    ofD.Step 0.1
    tape.Clear()
    tape.Backward(gan.GeneratorLoss(tape, noise, chance))
    ofG.Step 0.1

/// The largest difference that two steps leave in the parameters, from a step in which each loss sees its own player only.
let errorOfStep (step: Gan<float> -> Optimizer<float> -> Optimizer<float> -> unit) =
    let right (gan: Gan<float>) (ofD: Optimizer<float>) (ofG: Optimizer<float>) =
        let tape = Tape<float>()

        for player, optimizer, loss in
            [
                gan.Discriminator.Parameters,
                ofD,
                (fun () -> gan.DiscriminatorLoss(tape, real, noise, chance))
                gan.Generator.Parameters,
                ofG,
                (fun () -> gan.GeneratorLoss(tape, noise, chance))
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
    let tape = Tape<float>()
    ofD.ZeroGradients()
    tape.Backward(gan.DiscriminatorLoss(tape, real, noise, chance))
    ofD.Step 0.1
    tape.Clear()
    ofG.ZeroGradients()
    tape.Backward(gan.GeneratorLoss(tape, noise, chance))
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
- Theis, van den Oord and Bethge 2016, [A note on the evaluation of generative models](https://arxiv.org/abs/1511.01844): what Parzen windows measure.
- Arjovsky and Bottou 2017, [Towards Principled Methods for Training Generative Adversarial Networks](https://arxiv.org/abs/1701.04862): distributions that do not overlap.
- Mescheder, Geiger and Nowozin 2018, [Which Training Methods for GANs do actually Converge?](https://arxiv.org/abs/1801.04406): the game of two numbers.
- Odena, Dumoulin and Olah 2016, [Deconvolution and Checkerboard Artifacts](https://distill.pub/2016/deconv-checkerboard/).
- Dumoulin and Visin 2016, [A guide to convolution arithmetic for deep learning](https://arxiv.org/abs/1603.07285).
- Kingma and Ba 2014, [Adam: A Method for Stochastic Optimization](https://arxiv.org/abs/1412.6980).
*)
(*** hide ***)
finish page
