(**
---
title: Deep Residual Learning for Image Recognition
category: Papers
categoryindex: 2
index: 5
description: Why more layers made networks worse, and the sum that mended it; convolution and batch normalization derived, counted and checked by hand.
year: 2015
keywords: residual network, ResNet, shortcut, convolution, batch normalization, global average pooling, degradation, momentum, weight decay
time: at most 5 minutes
needs: transformer, activations
---
# Deep Residual Learning for Image Recognition

Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun. IEEE Conference on Computer Vision and Pattern Recognition, 2016; first published 2015.
[arXiv:1512.03385](https://arxiv.org/abs/1512.03385)

Built on: Sergey Ioffe, Christian Szegedy: [Batch Normalization](https://arxiv.org/abs/1502.03167). ICML 2015.

    [lang=text]
    @inproceedings{he2016deep,
      title     = {Deep Residual Learning for Image Recognition},
      author    = {He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
      booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
      year      = {2016}
    }
    @inproceedings{ioffe2015batch,
      title     = {Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift},
      author    = {Ioffe, Sergey and Szegedy, Christian},
      booktitle = {International Conference on Machine Learning},
      year      = {2015}
    }

- **What you need**: the linear map, the rectifier and layer normalization of the [first page](transformer.html#Derivation), and where the
  variance $2/n$ of starting weights [comes from](activations.html#How-large-the-starting-weights-should-be).
- **Time**: at most 5 minutes on two cores (30 seconds with `-- --quick`); no graphics card, no network.

## The paper in one paragraph

By 2015 deeper networks had won for years, and yet adding layers to a plain one made it worse, from some depth on. It was worse on the *training* set, so it had
not learned by heart. It had batch normalization in every layer, so its gradients had not vanished. And it could not lack the capacity: a deeper network can do
what a shallower one does, if its further layers do nothing. The solution is there, and the solver does not find it. The paper changes what has to be found: each
pair of layers learns what to *add* to its input, $y = F(x) + x$, and doing nothing is $F = 0$. The sum has no parameters and costs next to nothing. With it,
networks of 152 layers were better than those of 34, which were better than those of 18; an ensemble had 3.57 % top-5 error on ImageNet and won the competition of 2015.

## The idea, on numbers you can follow

### The solution that is there

Two layers compute something. A third and a fourth are put behind them, and need not change it. Behind a rectifier all numbers are 0 or more, so a plain layer does nothing if its weights are the
identity matrix, each of them 0 or 1 exactly; a residual pair does nothing if its weights are 0.
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
open MathNet.Numerics.LinearAlgebra
open MathNet.Numerics.Statistics
open Plotly.NET

(*** hide ***)
let page = Page.start "resnet" [ Extra.Resume; Extra.CheckFinite; Extra.Save; Extra.Corpus ]

// Read at once, so that what cannot be used is refused before anything has run.
let own = page.Corpus |> Option.map Classifiers.own

(**
*)
let rectify (m: Matrix<float>) = m.PointwiseMaximum 0.0
let plainLayer (weights: Matrix<float>) x = rectify (x * weights)

let residualPair (first: Matrix<float>) (second: Matrix<float>) x =
    rectify (plainLayer first x * second + x)

let identity, nothing = Matrix<float>.Build.DenseIdentity 2, Matrix<float>.Build.Dense(2, 2)
let examples = matrix [ [ 1.0; 2.0 ]; [ -1.0; 0.5 ]; [ 3.0; -2.0 ] ]

let twoLayers =
    examples
    |> plainLayer (matrix [ [ 1.0; -1.0 ]; [ 2.0; 0.5 ] ])
    |> plainLayer (matrix [ [ 0.5; 1.0 ]; [ -1.0; 1.0 ] ])

printfn "two layers:\n%s" (twoLayers.ToMatrixString("F2"))
(*** include-output ***)
holds
    "two plain layers more, at the identity, change nothing"
    (twoLayers |> plainLayer identity |> plainLayer identity = twoLayers)

holds
    "a residual pair more, at 0, changes nothing"
    (twoLayers |> residualPair nothing nothing = twoLayers)
(*** include-output ***)
(**
So the training error of the deeper network can be as low, and what the paper calls the *degradation problem* is that it is not. With batch normalization the residual pair does nothing at $\gamma = \beta = 0$ of its last
normalization; the plain layer would in addition need $\gamma$ and $\beta$ to undo what normalization does to its input.

### A product of fifty slopes

Let each layer be a multiplication. The gradient at the bottom of fifty layers $y = f(x)$ is the product of their slopes $f'$; with $y = f(x) + x$ it is the product of
$1 + f'$.
*)
let chance = RandomStream(page.Seed).Split("fifty slopes")

let slopes: (string * (int -> float)) list =
    [
        "1.1", (fun _ -> 1.1)
        "0.9", (fun _ -> 0.9)
        "0.1", (fun _ -> 0.1)
        "0.01", (fun _ -> 0.01)
        "0.1 and −0.1 in turn", (fun i -> if i % 2 = 0 then 0.1 else -0.1)
        "normal, deviation 0.1", (fun _ -> 0.1 * chance.NextNormal())
    ]

table
    [ "slope of f"; "plain: product of f′"; "residual: product of 1 + f′" ]
    [
        for name, slope in slopes ->
            let fifty = List.init 50 slope
            let product = List.fold (*) 1.0 fifty
            let residual = fifty |> List.fold (fun product f -> product * (1.0 + f)) 1.0
            [ name; formatted "0.0e+0" product; formatted "0.0e+0" residual ]
    ]
(*** include-it-raw ***)
(**
The plain product passes a gradient on only if the slopes are near 1, the residual one if they are near 0. These are the same layers, written in two ways. But training treats
0 and 1 differently: weights start near 0, and weight decay pulls them back to 0.

### Ten layers that should do almost nothing

A target close to the identity, $y = 1.2\,x$, and ten weights to multiply: $w_1 \cdots w_{10}$, or $(1 + w_1) \cdots (1 + w_{10})$. Plain gradient descent on
$\frac12(\text{product} - 1.2)^2$, a hundred steps.
*)
let descend offset (start: float list) =
    let mutable weights = start

    for _ in 1..100 do
        let factors = weights |> List.map ((+) offset)
        let product = List.fold (*) 1.0 factors

        weights <-
            List.map2
                (fun w factor -> w - 0.01 * (product - 1.2) * (product / factor))
                weights
                factors

    weights |> List.fold (fun product w -> product * (offset + w)) 1.0

let small = List.init 10 (fun _ -> 0.1 * chance.NextNormal())
let plainSmall, residualSmall = descend 0.0 small, descend 1.0 small
let plainAtOne = descend 0.0 (small |> List.map ((+) 1.0))

printfn "plain, small weights:    product %.4f" plainSmall
printfn "residual, small weights: product %.4f" residualSmall
printfn "plain, weights near 1:   product %.4f" plainAtOne
(*** include-output ***)
holds "the plain chain does not move from small weights" (abs plainSmall < 1e-3)
check "the residual chain finds 1.2" (residualSmall - 1.2) 1e-3
check "residual = plain that starts at 1" (residualSmall - plainAtOne) 1e-12
(*** include-output ***)
(**
The third line is the second one to the last digit: a residual network is a plain one that starts at the identity, and whose decay pulls it back to the identity. The paper calls this
*preconditioning* (section 3.1): if the best layer is closer to doing nothing than to giving nothing, it is easier to find as a deviation from the former. For numbers the start can be moved;
for layers with a bend between them and normalization behind them, no simple start is the identity, and the sum puts it there.

### A convolution by eye

An image of 4x4 pixels with an edge in the middle, and a *kernel* of 2x2 weights. The kernel slides over the image; at each place its four weights are multiplied with the four pixels below
it and added up. This one asks how much brighter the right side is.
*)
let edge =
    matrix
        [
            [ 0.0; 0.0; 1.0; 1.0 ]
            [ 0.0; 0.0; 1.0; 1.0 ]
            [ 0.0; 0.0; 1.0; 1.0 ]
            [ 0.0; 0.0; 1.0; 1.0 ]
        ]

let edgeKernel = matrix [ [ -1.0; 1.0 ]; [ -1.0; 1.0 ] ]

let slide (kernel: Matrix<float>) (image: Matrix<float>) : Matrix<float> =
    let rows, columns = kernel.RowCount, kernel.ColumnCount

    Matrix<float>
        .Build.Dense(
            image.RowCount - rows + 1,
            image.ColumnCount - columns + 1,
            fun i j ->
                image.SubMatrix(i, rows, j, columns).PointwiseMultiply(kernel).RowSums().Sum()
        )

let movedEdge = edge.MapIndexed(fun _ j value -> if j = 1 then 1.0 else value)
printfn "the edge:\n%s" ((slide edgeKernel edge).ToMatrixString("F0"))
printfn "one pixel to the left:\n%s" ((slide edgeKernel movedEdge).ToMatrixString("F0"))
(*** include-output ***)
holds
    "the answer moves with the edge"
    ((slide edgeKernel edge).Column 1 = (slide edgeKernel movedEdge).Column 0)
(*** include-output ***)
(**
Four weights, whatever the size of the image; and what they find, they find everywhere. A linear map of 16 pixels to 9 numbers would have 144 weights, and would have to learn the edge anew at
each place.

## Claims, written down before the run

Each says what the paper has, what is measured here, and from which value on it counts as reproduced, or as partly so. The threshold is on the mean over the seeds; where a claim is settled, further down, the interval
of that mean stands beside it.
*)
let healthyDepth = 56

let healthy =
    claim
        {
            Text =
                "With batch normalization, gradients keep healthy norms in a deep plain network: its degradation has another cause."
            Paper =
                "section 4.1: “we also verify that the backward propagated gradients exhibit healthy norms with BN”, no number given"
            Measure =
                $"orders of magnitude that a gradient gains, or below 0 loses, on its way down {healthyDepth} plain layers before training"
            Threshold = "reproduced at most 1 in either direction, partly at most 3"
            Verdict = fun measured -> atMost 1.0 3.0 { measured with Mean = abs measured.Mean }
        }

let shallow, middle, deep = page.Pick(quick = (4, 8, 20), standard = (6, 20, 56))

let degrades =
    claim
        {
            Text = "Deeper plain networks have a higher training error."
            Paper =
                "section 4.2 and figure 6: plain networks on CIFAR-10, worse from 20 to 56 layers"
            Measure =
                $"training error of {deep} plain layers minus that of {middle}, fully connected, points"
            Threshold = "reproduced from 10 on, partly from 1"
            Verdict = atLeast 10.0 1.0
        }

let reversed =
    claim
        {
            Text = "With shortcuts the same depth has a lower training error."
            Paper = "figure 6: ResNet-56 against plain-56"
            Measure =
                $"training error of {deep} plain layers minus that of {deep} residual ones, fully connected, points"
            Threshold = "reproduced from 10 on, partly from 1"
            Verdict = atLeast 10.0 1.0
        }

let gains =
    claim
        {
            Text = "With shortcuts, more depth does not hurt."
            Paper = "table 6, test error on CIFAR-10: 8.75 % with 20 layers, 6.97 % with 56"
            Measure =
                $"training error of {deep} residual layers minus that of {middle}, fully connected, points"
            Threshold = "reproduced at most 0, partly at most 3"
            Verdict = atMost 0.0 3.0
        }

let convolutional, deepConvolutional = 8, page.Pick(quick = 14, standard = 44)

let degradesConvolutional =
    claim
        {
            Text = "Deeper plain convolutional networks have a higher training error."
            Paper = "figure 6, left"
            Measure =
                $"training error of plain-{deepConvolutional} minus that of plain-{convolutional}, clothes, points"
            Threshold = "reproduced from 1 on, partly above 0"
            Verdict = atLeast 1.0 1e-9
        }

let reversedConvolutional =
    claim
        {
            Text = "With shortcuts the deep convolutional network has a lower training error."
            Paper = "figure 6, middle"
            Measure =
                $"training error of plain-{deepConvolutional} minus that of ResNet-{deepConvolutional}, clothes, points"
            Threshold = "reproduced from 1 on, partly above 0"
            Verdict = atLeast 1.0 1e-9
        }

let responses =
    claim
        {
            Text =
                "Residual layers respond less than plain ones: they change their input a little."
            Paper = "figure 7, standard deviations of the layers' responses, no single number"
            Measure =
                $"mean standard deviation of the responses of ResNet-{deepConvolutional} over that of plain-{deepConvolutional}"
            Threshold = "reproduced at most 0.8, partly below 1"
            Verdict = atMost 0.8 1.0
        }

let deeperResponses =
    claim
        {
            Text = "The more layers there are, the less each of them changes the signal."
            Paper = "section 4.2: ResNet-110 against ResNet-20 and 56, figure 7"
            Measure =
                $"mean standard deviation of the responses of ResNet-{deepConvolutional} over that of ResNet-{convolutional}"
            Threshold = "reproduced at most 0.8, partly below 1"
            Verdict = atMost 0.8 1.0
        }

let anyShortcut =
    claim
        {
            Text = "Every kind of shortcut is better than none."
            Paper =
                "table 3, top-1 error on ImageNet: plain-34 28.54 %, A 25.03 %, B 24.52 %, C 24.19 %"
            Measure =
                "test error of the plain network minus the worst of A, B and C, clothes, points"
            Threshold = "reproduced from 1 on, partly above 0"
            Verdict = atLeast 1.0 1e-9
        }

let alikeShortcuts =
    claim
        {
            Text = "The kinds of shortcut differ little, so projections are not essential."
            Paper = "table 3: 0.84 points between A and C"
            Measure = "largest minus smallest test error of A, B and C, clothes, points"
            Threshold = "reproduced at most 1.5, partly at most 3"
            Verdict = atMost 1.5 3.0
        }

let preActivated =
    claim
        {
            Text =
                "Normalization and rectifier before the convolutions make a deep network easier to train."
            Paper =
                "He et al. 2016, table 2, test error of 110 layers on CIFAR-10: 6.61 % to 6.37 %"
            Measure =
                $"training loss of ResNet-{deep} as published first minus that with pre-activation, digits, nats"
            Threshold = "reproduced from 0.005 on, partly above 0"
            Verdict = atLeast 0.005 1e-9
        }

let beatsMlp =
    claim
        {
            Text =
                "A residual network sees more in images than a perceptron of as many parameters."
            Paper = "not compared in the paper"
            Measure = "test error of the perceptron minus that of ResNet-20, clothes, points"
            Threshold = "reproduced from 1 on, partly above 0"
            Verdict = atLeast 1.0 1e-9
        }

let beatsLeNet =
    claim
        {
            Text =
                "A residual network sees more in images than two large convolutions of as many parameters."
            Paper = "not compared in the paper"
            Measure =
                "test error of the net of two convolutions minus that of ResNet-20, clothes, points"
            Threshold = "reproduced from 0.5 on, partly above 0"
            Verdict = atLeast 0.5 1e-9
        }
(*** include-output ***)
(**
## Derivation

### The residual block

$x$ and $y$ are $[\text{batch}, \text{height}, \text{width}, \text{channels}]$. $H(x)$ is what two layers ought to compute. Instead of $H$ they learn what is missing,
$F(x) = H(x) - x$, and a shortcut adds $x$ again:

$$ y = \max(F(x) + x,\; 0), \qquad F = \text{norm} \circ \text{conv} \circ \max(\cdot, 0) \circ \text{norm} \circ \text{conv} $$

The sum is [ADD-1](transformer.html#eq-ADD-1), and by [ADD-2 and ADD-3](transformer.html#eq-ADD-2) hands its cotangent to both sides. Let $ds$ be the cotangent of the sum, $dy$ where the sum is
positive and else 0, and $J$ the Jacobian of $F$:

$$ dx = ds + J^\top ds = (I + J)^\top ds $$

Where the rectifiers behind the sums let all through, $L$ blocks in a row multiply:

$$ dx_0 = (I + J_1)^\top (I + J_2)^\top \cdots (I + J_L)^\top\,dx_L $$

Multiplied out, that is a sum over all $2^L$ subsets of blocks. One of its terms, the empty subset, is $dx_L$ itself, untouched; $L$ terms pass one block each. Without shortcuts, only the term that passes all
blocks is left, $J_1^\top \cdots J_L^\top dx_L$.

The same sum forward: if what a block adds is independent of its input, variances add. With the starting weights below and no normalization, $F$ has about the variance of the signal, so each block
about doubles it. With a batch normalization at its end, $F$ has variance 1 at the start of training, so block $l$ adds 1 to something that grows like $l$: the deeper a block, the smaller a part of the whole it changes.

### Convolution

$x$ is $[\text{batch}, \text{height}, \text{width}, \text{in}]$, $w$ is $[k, k, \text{in}, \text{out}]$, $b$ is $[\text{out}]$; the window moves by the stride $s$, and $p$ rows and columns of zeros surround the image.
$x$ is 0 where an index leaves it.

$$ y_{n,i,j,o} = \sum_{u,v,c} w_{u,v,c,o}\; x_{n,\;si+u-p,\;sj+v-p,\;c} + b_o \tag{CONV-1} $$

The last window that fits ends at row $si + k - 1 - p \le \text{height} - 1 + p$, so $i$ runs up to $(\text{height} + 2p - k) / s$, rounded down, and

$$ \text{outHeight} = \Bigl\lfloor \frac{\text{height} + 2p - k}{s} \Bigr\rfloor + 1 $$

A kernel of 3 with $p = 1$ keeps the size at $s = 1$ and halves an even one at $s = 2$. Mathematicians turn the kernel by 180° first and call this one *correlation*; as weights are learned, the
difference is one of names.

A change $\delta x$ of one pixel changes every output whose window holds it. In $\langle dy, \delta y\rangle = \sum dy_{n,i,j,o}\,w_{u,v,c,o}\,\delta x_{n,r,q,c}$ collect what multiplies the pixel
$(r, q)$: all $(i, u)$ with $si + u - p = r$ and all $(j, v)$ with $sj + v - p = q$.

$$ dx_{n,r,q,c} = \sum_{\substack{u,i:\;si+u-p=r\\ v,j:\;sj+v-p=q}} \sum_o w_{u,v,c,o}\;dy_{n,i,j,o} \tag{CONV-2} $$

For $s = 1$, $i = r + p - u$. Count the kernel from its other end, $u' = k - 1 - u$, and $i = r + u' - (k - 1 - p)$: this is CONV-1 again, with $dy$ for the image, the kernel turned by 180°, its in and
out exchanged, and a padding of $k - 1 - p$. *The gradient of a convolution is a convolution.* For $s = 2$, $u$ must have the parity of $r + p$: even and odd rows meet different weights. So do columns, and the four kinds of
pixels are four convolutions of stride 1, with kernels of 1x1, 1x2, 2x1 and 2x2 weights where $k = 3$: together nine weights, each used once. So the core computes it.

A weight is used at every place of every image. Its gradient collects from all of them, and is a convolution too, of the image with $dy$ for a kernel:

$$ dw_{u,v,c,o} = \sum_{n,i,j} x_{n,\;si+u-p,\;sj+v-p,\;c}\;dy_{n,i,j,o} \tag{CONV-3} $$

$$ db_o = \sum_{n,i,j} dy_{n,i,j,o} \tag{CONV-4} $$

Each of the three takes $\text{batch} \cdot \text{outHeight} \cdot \text{outWidth} \cdot k^2 \cdot \text{in} \cdot \text{out}$ multiplications with an addition, less what falls into the padding.

*As a matrix.* A convolution is linear, so for one image laid out as a vector it is $y = Cx$, with a matrix $C$ of $\text{outHeight} \cdot \text{outWidth} \cdot \text{out}$ rows that holds each weight many times, and zeros. Then
$dx = C^\top dy$ needs no derivation (LIN-2), and $dC = dy\,x^\top$ (LIN-3) would be the gradient of $C$ if its entries were free; as a weight stands in many of them, its gradient is their sum. CONV-2 and CONV-3 are these two products
without the zeros.

### Batch normalization

$x$ is $[n, \text{channels}]$: for images, each pixel of each example is a row, $n = \text{batch} \cdot \text{height} \cdot \text{width}$. Each channel is normalized over all rows, with a trained gain $\gamma$ and bias $\beta$,
$[\text{channels}]$ each. Layer normalization ([LN-1 to LN-8](transformer.html#eq-LN-1)) takes the same steps along the other axis.

$$ \mu = \frac1n \sum_{\text{rows}} x \tag{BN-1} $$

$$ \sigma^2 = \frac1n \sum_{\text{rows}} (x - \mu)^2 \tag{BN-2} $$

$$ \hat x = \frac{x - \mu}{s}, \qquad s = \sqrt{\sigma^2 + \varepsilon} \tag{BN-3} $$

$$ y = \gamma\,\hat x + \beta \tag{BN-4} $$

$$ d\gamma = \sum_{\text{rows}} dy\;\hat x \tag{BN-5} $$

$$ d\beta = \sum_{\text{rows}} dy \tag{BN-6} $$

Now $dx$, for one channel with rows $i$ and $k$. A row moves its own $\hat x$, and through $\mu$ and $s$ those of all others. $\partial\mu/\partial x_k = 1/n$. As deviations from the mean sum to 0,
$\partial\sigma^2/\partial x_k = \frac2n \sum_i (x_i - \mu)(\delta_{ik} - \frac1n) = \frac2n (x_k - \mu)$, and $\partial s/\partial x_k = \frac{1}{2s} \cdot \frac2n (x_k - \mu) = \hat x_k / n$. By the quotient rule

$$ \frac{\partial \hat x_i}{\partial x_k} = \frac1s \Bigl(\delta_{ik} - \frac1n - \frac{\hat x_i\,\hat x_k}{n}\Bigr) $$

Multiply by $\gamma\,dy_i$ and sum over $i$. The two sums that appear are $d\beta$ and $d\gamma$, which are known by then:

$$ dx = \frac{\gamma}{s} \Bigl(dy - \frac{d\beta}{n} - \hat x\,\frac{d\gamma}{n}\Bigr) \tag{BN-7} $$

In use, an answer must not depend on what else is in the batch. Fixed numbers take the place of $\mu$ and $\sigma^2$, and BN-3 and BN-4 are then a linear map with

$$ dx = \frac{\gamma}{s}\,dy \tag{BN-8} $$

The fixed numbers are running means, moved by a share $m$ at each training step; the variance as an estimate of that of all data, which divides by $n - 1$:

$$ \text{E}[x] \leftarrow \text{E}[x] + m\,(\mu - \text{E}[x]) \tag{BN-9} $$

$$ \text{Var}[x] \leftarrow \text{Var}[x] + m\,\Bigl(\frac{n}{n-1}\,\sigma^2 - \text{Var}[x]\Bigr) \tag{BN-10} $$

Three things follow.

- *A bias before it is useless.* Adding $b$ to a channel adds $b$ to $\mu$, and $\hat x$ stays. Its gradient is the sum over rows of $dx$: in BN-7, $d\beta - d\beta - 0 = 0$. So convolutions of the paper's networks have none; $\beta$ does its work.
- *The size of the weights before it is useless.* $\alpha w$ gives $\alpha x$, and for $\alpha > 0$ the same $\hat x$, up to $\varepsilon$. The loss is constant along the ray through $w$, so its gradient is orthogonal to it, $\langle w, dw\rangle = 0$; and as
  $L(\alpha w) = L(w)$, the gradient at $\alpha w$ is $dw / \alpha$. A step of gradient descent at a rate $\eta$ moves at a right angle to $w$, so it makes $w$ longer: the square of its length becomes $\lVert w\rVert^2 + \eta^2 \lVert dw\rVert^2$, and the next step turns it less. Weight decay, which shrinks $w$, keeps the steps from
  dying: here it regulates the rate rather than the function.
- *Examples see each other.* The noise of a batch's statistics is part of training, and small batches have much of it: [below](#Small-batches).

Before a rectifier, the two are one sweep over memory:

$$ y = \max(\gamma\,\hat x + \beta,\; 0) \tag{BNR-1} $$

$$ dx,\ d\gamma,\ d\beta \text{ as in BN-5 to BN-7, of } dy \text{ where } \gamma\,\hat x + \beta > 0 \text{, else of } 0 \tag{BNR-2} $$

### The end of the network, and shortcuts that change shape

After the last block each channel is averaged over the image, of $a = \text{height} \cdot \text{width}$ pixels; a linear map makes class scores of these averages.

$$ y_{n,c} = \frac1a \sum_{i,j} x_{n,i,j,c} \tag{GAP-1} $$

$$ dx_{n,i,j,c} = \frac{dy_{n,c}}{a} \tag{GAP-2} $$

Where a block halves the image and doubles the channels, $x$ does not fit $F(x)$. *Option A* takes every second pixel and fills the new channels with zeros; it has no parameters. $x$ is $[\text{batch}, \text{height}, \text{width}, \text{in}]$,
$y$ is $[\text{batch}, \lceil\text{height} / s\rceil, \lceil\text{width} / s\rceil, \text{out}]$.

$$ y_{n,i,j,c} = x_{n,\;si,\;sj,\;c} \quad\text{for } c < \text{in} \tag{PAD-1} $$

$$ y_{n,i,j,c} = 0 \quad\text{for } c \ge \text{in} \tag{PAD-2} $$

$$ dx_{n,\;si,\;sj,\;c} = dy_{n,i,j,c} \text{, and 0 for the pixels between} \tag{PAD-3} $$

*Option B* takes a convolution with a kernel of 1x1 and a stride of 2, followed by batch normalization: a *projection*, CONV with $k = 1$, $p = 0$. It reads the same pixels as option A, and learns what to do with them. *Option C* has a projection in
every block, also where the shape stays; its products are $(I + J)$ no longer, but $(P + J)$.

The networks for ImageNet pool once more, behind their first convolution: the largest number of each window, channel by channel. $M_{n,i,j,c}$ is the place of the largest in its window, and a small change moves $y$ only if it is there:

$$ y_{n,i,j,c} = \max_{u,v}\; x_{n,\;si+u-p,\;sj+v-p,\;c} \tag{MAXP-1} $$

$$ dx_{n,r,q,c} = \sum_{i,j:\;M_{n,i,j,c} = (r, q)} dy_{n,i,j,c} \tag{MAXP-2} $$

The older form, the mean of each window of $k \times k$ numbers, is a convolution of each channel by itself whose weights are all $1 / k^2$:

$$ y_{n,i,j,c} = \frac{1}{k^2} \sum_{u,v} x_{n,\;si+u,\;sj+v,\;c} \tag{AVGP-1} $$

$$ dx_{n,r,q,c} = \frac{1}{k^2} \sum_{\substack{u,i:\;si+u=r\\ v,j:\;sj+v=q}} dy_{n,i,j,c} \tag{AVGP-2} $$

### The start and the steps

Starting weights: CONV-1 adds $k^2 \cdot \text{in}$ products, so behind a rectifier a variance of $2 / (k^2\,\text{in})$ [keeps a signal's size](activations.html#How-large-the-starting-weights-should-be). $\gamma = 1$, $\beta = 0$.

The paper takes steps by gradient descent with momentum $\mu = 0.9$ and a weight decay $\lambda = 10^{-4}$. For the gradient $g$ of the loss, a velocity $u$ and a rate $\alpha$:

$$ u \leftarrow \mu u + g \tag{SGD-1} $$

$$ \theta \leftarrow \theta - \alpha u \tag{SGD-2} $$

Decay adds $\frac\lambda2\lVert\theta\rVert^2$ to the loss, and its gradient to $g$:

$$ g \leftarrow g + \lambda\theta \tag{SGD-3} $$

With Nesterov's momentum, which this page does not use, the step goes on along the new velocity:

$$ \theta \leftarrow \theta - \alpha (g + \mu u) \tag{SGD-4} $$

A steady gradient is added up to $g (1 + \mu + \mu^2 + \cdots) = g / (1 - \mu)$: ten times. The paper's program has the rate inside the velocity, $u \leftarrow \mu u + \alpha g$; the two are one while $\alpha$ is constant, and after the rate falls theirs still
coasts at the old one for some steps. In a residual block the decay pulls $F$ to 0 (through $\gamma$ and $\beta$ of its last normalization), the block to the identity; in a plain one it pulls the layer to 0.

The rate falls by a factor $f = 10$ at given steps, of which $k$ have passed. For their network of 110 layers it starts at a tenth, until the training error is below 80 % (about 400 steps):

$$ \alpha = \alpha_0 / f^k \tag{STEP-1} $$

$$ \alpha = \alpha_{\text{warm-up}} \quad\text{before that} \tag{STEP-2} $$

## Longhand

### Convolution as a matrix

A *place* is one weight in one window: which output it adds to, which input it meets, and which weight it is.
*)
let mapRows (f: Vector<float> -> Vector<float>) (m: Matrix<float>) =
    Matrix<float>.Build.DenseOfRowVectors(m.EnumerateRows() |> Seq.map f)

type Place = { Output: int; Input: int; Weight: int }

let outputSize kernel stride padding size = (size + 2 * padding - kernel) / stride + 1

/// All places of a convolution, and how many numbers an image has before and behind it.
type Layout = { Places: Place list; Inputs: int; Outputs: int }

/// A convolution with weights [kernel, kernel, ins, outs] on an image of height x width.
let layout kernel stride padding (height, width) (ins, outs) =
    let outHeight = outputSize kernel stride padding height
    let outWidth = outputSize kernel stride padding width

    let places =
        [
            for i in 0 .. outHeight - 1 do
                for j in 0 .. outWidth - 1 do
                    for u in 0 .. kernel - 1 do
                        for v in 0 .. kernel - 1 do
                            let r, q = stride * i + u - padding, stride * j + v - padding

                            if r >= 0 && r < height && q >= 0 && q < width then
                                for c in 0 .. ins - 1 do
                                    for o in 0 .. outs - 1 do
                                        {
                                            Output = (i * outWidth + j) * outs + o
                                            Input = (r * width + q) * ins + c
                                            Weight = ((u * kernel + v) * ins + c) * outs + o
                                        }
        ]

    { Places = places; Inputs = height * width * ins; Outputs = outHeight * outWidth * outs }

/// C of a convolution: the weights, each in all its places.
let convolutionMatrix (layout: Layout) (w: Vector<float>) : Matrix<float> =
    let c = Matrix<float>.Build.Dense(layout.Outputs, layout.Inputs)

    for place in layout.Places do
        c[place.Output, place.Input] <- w[place.Weight]

    c

/// A convolution without bias of some images, one a row, and its pullback.
let longhandConvolution (layout: Layout) (w: Vector<float>) (x: Matrix<float>) =
    let c = convolutionMatrix layout w
    let y = x * c.Transpose() // CONV-1

    let back (dy: Matrix<float>) =
        let dx = dy * c // CONV-2
        let dc = dy.Transpose() * x
        let dw = Vector<float>.Build.Dense(w.Count)

        for place in layout.Places do
            dw[place.Weight] <- dw[place.Weight] + dc[place.Output, place.Input] // CONV-3

        dx, dw

    y, back

(** The matrix of a kernel of 2x2 weights, 1 to 4, on an image of 4x4: a band that moves to the right, and jumps where a row of the image ends. Dots stand for 0. *)
let byEye = layout 2 1 0 (4, 4) (1, 1)

let show (m: Matrix<float>) =
    for row in m.EnumerateRows() do
        printfn
            "%s"
            (row |> Seq.map (fun w -> if w = 0.0 then "." else string w) |> String.concat " ")

show (convolutionMatrix byEye (vector [ 1.0; 2.0; 3.0; 4.0 ]))
(*** include-output ***)
(** It does what sliding does, and its transpose what sliding the turned kernel over a padded cotangent does: *)
let byEyeKernel = vector [ 1.0; 2.0; 3.0; 4.0 ]
let asKernel (w: Vector<float>) = Matrix<float>.Build.DenseOfRowMajor(2, 2, w)
let flat (m: Matrix<float>) = vector (m.ToRowMajorArray())
let c = convolutionMatrix byEye byEyeKernel
let edgeCotangent = matrix [ [ 1.0; 0.0; 0.0 ]; [ 0.0; 0.0; 2.0 ]; [ 0.0; 0.0; 0.0 ] ]

let padded: Matrix<float> =
    let wide = Matrix<float>.Build.Dense(5, 5)
    wide.SetSubMatrix(1, 1, edgeCotangent)
    wide

let turned = vector (Seq.rev byEyeKernel)
let dEdge = c.TransposeThisAndMultiply(flat edgeCotangent)

printfn "dx:\n%s" (Matrix<float>.Build.DenseOfRowMajor(4, 4, dEdge).ToMatrixString("F0"))
(*** include-output ***)
check
    "C x = sliding the kernel"
    ((c * flat edge - flat (slide (asKernel byEyeKernel) edge)).InfinityNorm())
    0.0

check
    "Cᵀ dy = sliding the turned kernel over the padded dy"
    ((dEdge - flat (slide (asKernel turned) padded)).InfinityNorm())
    0.0
(*** include-output ***)
(**
Each number of $dy$ puts a copy of the kernel, multiplied by that number, where its window was; where copies overlap they add.

With a stride of 2, a kernel of 3 and a padding of 1, the pixels of $dx$ are of four kinds. Each kind gets the weights whose parity fits:
*)
let strided = layout 3 2 1 (6, 6) (1, 1)

let weightsOf (r, q) =
    strided.Places
    |> List.filter (fun place -> place.Input % 12 / 6 = r && place.Input % 2 = q)
    |> List.map (fun place -> place.Weight + 1)
    |> List.distinct
    |> List.sort

table
    [ "pixels of dx"; "weights of nine that reach them" ]
    [
        for r in 0..1 do
            for q in 0..1 do
                let name parity = if parity = 0 then "even" else "odd"
                let weights = weightsOf (r, q) |> List.map string |> String.concat ", "
                yield [ $"{name r} row, {name q} column"; weights ]
    ]
(*** include-it-raw ***)
holds
    "each of the nine weights belongs to one kind of pixel"
    (List.sort (List.collect weightsOf [ 0, 0; 0, 1; 1, 0; 1, 1 ]) = [ 1..9 ])
(*** include-output ***)
(**
### Batch normalization
*)
/// Batch normalization of x, [rows, channels], and its pullback.
let longhandBatchNorm
    (eps: float)
    (x: Matrix<float>)
    (gain: Vector<float>)
    (bias: Vector<float>)
    =
    let n = float x.RowCount
    let mu = x.ColumnSums() / n // BN-1
    let centred = x |> mapRows (fun row -> row - mu)
    let sigma2 = centred.PointwisePower(2.0).ColumnSums() / n // BN-2
    let s = sigma2.Add(eps).PointwiseSqrt()
    let xhat = centred |> mapRows (fun row -> row.PointwiseDivide s) // BN-3
    let y = xhat |> mapRows (fun row -> row.PointwiseMultiply gain + bias) // BN-4

    let back (dy: Matrix<float>) =
        let dgain = dy.PointwiseMultiply(xhat).ColumnSums() // BN-5
        let dbias = dy.ColumnSums() // BN-6
        let along = xhat |> mapRows (fun row -> row.PointwiseMultiply dgain / n)
        let inside = (dy |> mapRows (fun row -> row - dbias / n)) - along
        let dx = inside |> mapRows (fun row -> row.PointwiseMultiply(gain.PointwiseDivide s)) // BN-7
        dx, dgain, dbias

    y, back

(**
### A residual block

Images are rows of $\text{height} \cdot \text{width} \cdot \text{channels}$ numbers for the convolution, and rows of channels for the normalization: the same numbers in the same order.
*)
let withColumns columns (m: Matrix<float>) =
    let rows = m.RowCount * m.ColumnCount / columns
    Matrix<float>.Build.DenseOfRowMajor(rows, columns, m.ToRowMajorArray())

let whereOpen (sum: Matrix<float>) (dy: Matrix<float>) : Matrix<float> =
    dy.MapIndexed(fun i j value -> if sum[i, j] > 0.0 then value else 0.0)

/// Weights, gain and bias of a convolution and its normalization.
type NormalizedConvolution = { W: Vector<float>; Gain: Vector<float>; Bias: Vector<float> }

/// norm(conv(x)) of images, one a row, and its pullback.
let longhandLayer eps layout (layer: NormalizedConvolution) (x: Matrix<float>) =
    let convolved, convolutionBack = longhandConvolution layout layer.W x

    let y, normBack =
        longhandBatchNorm eps (withColumns layer.Gain.Count convolved) layer.Gain layer.Bias

    let back (dy: Matrix<float>) =
        let dConvolved, dgain, dbias = normBack (withColumns layer.Gain.Count dy)
        let dx, dw = convolutionBack (withColumns convolved.ColumnCount dConvolved)
        dx, { W = dw; Gain = dgain; Bias = dbias }

    withColumns convolved.ColumnCount y, back

/// max(F(x) + x, 0), the inputs of both rectifiers, and the pullback.
let longhandBlock eps layout first second (x: Matrix<float>) =
    let inner, firstBack = longhandLayer eps layout first x
    let residual, secondBack = longhandLayer eps layout second (rectify inner)
    let sum = residual + x // ADD-1

    let back (dy: Matrix<float>) =
        let dsum = whereOpen sum dy // RELU-2
        let dHidden, dSecond = secondBack dsum
        let dxOfF, dFirst = firstBack (whereOpen inner dHidden)
        dxOfF + dsum, dFirst, dSecond // ADD-2, ADD-3

    rectify sum, [ inner; sum ], back

(**
### Parameters and operations, counted

The paper's networks for CIFAR-10 (section 4.2): a convolution of 3x3 from the image to 16 channels; three stages of $n$ blocks with 16, 32 and 64 channels, the second and the third starting with a stride of 2; the mean over the image; a linear
map to ten classes. That is $6n + 2$ layers with weights. Batch normalization has two numbers a channel.
*)
/// Name, size of the output image, parameters, and multiply-adds an image, of each part.
let parts blocks size imageChannels =
    let convolution size ins outs = 9 * ins * outs, size * size * 9 * ins * outs
    let norms layers channels = 2 * layers * channels

    let stage name size ins outs =
        let first, firstOperations = convolution size ins outs
        let later, laterOperations = convolution size outs outs
        let others = 2 * blocks - 1

        name,
        size,
        first + others * later + norms (2 * blocks) outs,
        firstOperations + others * laterOperations

    let stem, stemOperations = convolution size imageChannels 16

    [
        "first convolution", size, stem + norms 1 16, stemOperations
        stage "stage of 16 channels" size 16 16
        stage "stage of 32 channels" (size / 2) 16 32
        stage "stage of 64 channels" (size / 4) 32 64
        "linear map", 1, 64 * 10 + 10, 64 * 10
    ]

let countedParameters blocks imageChannels =
    parts blocks 32 imageChannels |> List.sumBy (fun (_, _, parameters, _) -> parameters)

let ofThousands (value: int64) =
    value.ToString("N0", Globalization.CultureInfo.InvariantCulture)

table
    [ "20 layers, n = 3"; "output"; "parameters"; "multiply-adds an image" ]
    [
        for name, size, parameters, operations in parts 3 32 3 do
            [ name; $"{size}x{size}"; ofThousands parameters; ofThousands operations ]
        [
            "all"
            ""
            ofThousands (countedParameters 3 3)
            ofThousands (parts 3 32 3 |> List.sumBy (fun (_, _, _, operations) -> operations))
        ]
    ]
(*** include-it-raw ***)
(**
An image of half the size and twice the channels costs the same a layer: the paper's rule (section 3.3). Most parameters stand where the image is smallest, as a kernel costs the same to store whatever it slides over. The shortcuts of option A have none. Table 6 of the paper
gives the sizes of six depths in millions:
*)
let table6 = [ 3, "0.27"; 5, "0.46"; 7, "0.66"; 9, "0.85"; 18, "1.7"; 200, "19.4" ]

table
    [ "layers"; "counted"; "paper, millions" ]
    [
        for blocks, paper in table6 ->
            [ string (6 * blocks + 2); ofThousands (countedParameters blocks 3); paper ]
    ]
(*** include-it-raw ***)
holds
    "table 6, every size to the digit that it prints"
    (table6
     |> List.forall (fun (blocks, paper) ->
         let digits = paper.Length - 1 - paper.IndexOf '.'
         let millions = float (countedParameters blocks 3) / 1e6
         formatted $"F{digits}" millions = paper))

let modelOf layers shortcuts =
    ResNetSettings(
        Height = 32,
        Width = 32,
        Channels = 3,
        Layers = layers,
        Classes = 10,
        Shortcuts = shortcuts
    )

holds
    "counted = parameters of the core's models, 20 to 110 layers"
    (List.take 5 table6
     |> List.forall (fun (blocks, _) ->
         let settings = modelOf (6 * blocks + 2) ShortcutKind.Pad
         let model = ResNet<float32>(settings, RandomStream page.Seed)
         model.ParameterCount = countedParameters blocks 3))

/// Multiply-adds of the networks for ImageNet with two convolutions a block; the first, of 7x7, halves 224 to 112, pooling to 56.
let imageNetOperations (blocks: int list) =
    let stages =
        blocks
        |> List.mapi (fun i count ->
            let size, channels = 56 >>> i, 64 <<< i
            let inside = float (size * size) * 9.0 * float (channels * channels)
            // The first convolution of a later stage has half the channels to read.
            if i = 0 then 2.0 * float count * inside else (2.0 * float count - 0.5) * inside)

    112.0 * 112.0 * 49.0 * 3.0 * 64.0 + List.sum stages + 512.0 * 1000.0

// Table 1 gives 1.8e9 and 3.6e9.
check "operations of the paper's 18 layers" (imageNetOperations [ 2; 2; 2; 2 ] / 1e9 - 1.8) 0.05

check "operations of the paper's 34 layers" (imageNetOperations [ 3; 4; 6; 3 ] / 1e9 - 3.6) 0.05
(*** include-output ***)
(**
## The code

Convolution, forward and its three gradients:
*)
(*** hide ***)
csharp "Rules/Images/Conv2d.cs" "Forward"
(*** include-it-raw ***)
(** Batch normalization, for training and with fixed statistics: *)
(*** hide ***)
csharp "Rules/Normalization/BatchNorm.cs" "Forward"
(*** include-it-raw ***)
(*** hide ***)
csharp "Rules/Normalization/BatchNorm.cs" "Normalize"
(*** include-it-raw ***)
(** The layer keeps the running statistics: *)
(*** hide ***)
csharp "Layers/BatchNorm.cs" "Normalize"
(*** include-it-raw ***)
(** The mean over the image, and the shortcut without parameters: *)
(*** hide ***)
csharp "Rules/Images/GlobalAveragePool.cs" "Forward"
(*** include-it-raw ***)
(*** hide ***)
csharp "Rules/Images/PadShortcut.cs" "Forward"
(*** include-it-raw ***)
(** The block is a method of the model, with its two orders. What has a rectifier behind its normalization is one rule (BNR): *)
(*** hide ***)
csharp "Models/ResNet/ResidualBlock.cs" "Apply"
(*** include-it-raw ***)
(** What eight layers record in a training pass, drawn from the tape; a layer and its normalization share a box: *)
let smallest =
    ResNet<float32>(
        ResNetSettings(Height = 32, Width = 32, Channels = 3, Layers = 8, Classes = 10),
        RandomStream 1UL
    )

let recordedImages =
    Tape<float32>(training = true).Constant(Tensor<float32>.Zeros(Shape(128, 32 * 32 * 3)))

drawing
    "eight-layers"
    "Three blocks of two layers each, with the shortcut past them; where the image halves, the shortcut pads."
    (fun place -> place.Replace(".conv", "").Replace(".norm", ""))
    (smallest.Logits recordedImages)
(*** include-it-raw ***)
(** And a step of gradient descent: *)
(*** hide ***)
csharp "Optimizers/Sgd.cs" "Update"
(*** include-it-raw ***)
(**
## Agreement

The longhand against the core, in double; then the core's gradients against central differences along random cotangents, which know nothing of the derivation. Four convolutions: the paper's three, and one whose kernel is even and does not fill the image.
*)
let random = RandomStream(page.Seed).Split("agreement")

let normalMatrix rows columns =
    Matrix<float>.Build.Dense(rows, columns, (fun _ _ -> random.NextNormal()))

let normalVector count = (normalMatrix 1 count).Row 0

let differences = differencesAlong random

let convolutionRule stride (padding: int) _ (inputs: Variable<float> list) =
    inputs[0].Conv2d(inputs[1], inputs[2], stride, padding)

for name, kernel, stride, padding in
    [
        "3x3", 3, 1, 1
        "3x3, stride 2", 3, 2, 1
        "1x1, stride 2", 1, 2, 0
        "2x2, stride 3, padding 1", 2, 3, 1
    ] do
    let batch, height, width, ins, outs = 2, 6, 5, 2, 3
    let layout = layout kernel stride padding (height, width) (ins, outs)
    let x = normalMatrix batch (height * width * ins)
    let w, b = normalVector (kernel * kernel * ins * outs), normalVector outs
    let convolved, back = longhandConvolution layout w x

    let y =
        withColumns outs convolved
        |> mapRows (fun row -> row + b)
        |> withColumns convolved.ColumnCount

    let dy = normalMatrix batch convolved.ColumnCount
    let dx, dw = back dy
    let db = (withColumns outs dy).ColumnSums() // CONV-4

    let inputs =
        [
            "x", asTensor [ batch; height; width; ins ] x
            "w", asTensor [ kernel; kernel; ins; outs ] (w.ToRowMatrix())
            "b", Tensor.ofVector b
        ]

    let core, gradients =
        runRule (convolutionRule stride padding) (List.map snd inputs) (Tensor.ofMatrix dy)

    agree $"{name}, y" y core
    agree $"{name}, dx" dx gradients[0]
    agree $"{name}, dw" (dw.ToRowMatrix()) gradients[1]
    agree $"{name}, db" (db.ToRowMatrix()) gradients[2]
    differences name (convolutionRule stride padding) inputs
(*** include-output ***)
(** Batch normalization, 12 rows of 3 channels, with statistics of the batch and with fixed ones: *)
let batchNormRule eps _ (inputs: Variable<float> list) =
    let struct (y, _, _) = inputs[0].BatchNorm(inputs[1], inputs[2], eps)
    y

let x, gain, bias, dy = normalMatrix 12 3, normalVector 3, normalVector 3, normalMatrix 12 3
let fixedMean, fixedVariance = normalVector 3, (normalVector 3).PointwiseAbs()

let fixedRule (tape: Tape<float>) (inputs: Variable<float> list) =
    inputs[0]
        .BatchNormFixed(
            inputs[1],
            inputs[2],
            tape.Constant(Tensor.ofVector fixedMean),
            tape.Constant(Tensor.ofVector fixedVariance),
            1e-5
        )

let normInputs =
    [ "x", Tensor.ofMatrix x; "gain", Tensor.ofVector gain; "bias", Tensor.ofVector bias ]

let normalized, normBack = longhandBatchNorm 1e-5 x gain bias
let dx, dgain, dbias = normBack dy

let normalizedCore, normGradients =
    runRule (batchNormRule 1e-5) (List.map snd normInputs) (Tensor.ofMatrix dy)

agree "batch norm, y" normalized normalizedCore
agree "batch norm, dx" dx normGradients[0]
agree "batch norm, dgain" (dgain.ToRowMatrix()) normGradients[1]
agree "batch norm, dbias" (dbias.ToRowMatrix()) normGradients[2]
differences "batch norm" (batchNormRule 1e-5) normInputs

let factors = gain.PointwiseDivide(fixedVariance.Add(1e-5).PointwiseSqrt())
let _, fixedGradients = runRule fixedRule (List.map snd normInputs) (Tensor.ofMatrix dy)

agree
    "batch norm, fixed, dx"
    (dy |> mapRows (fun row -> row.PointwiseMultiply factors)) // BN-8
    fixedGradients[0]

differences "batch norm, fixed" fixedRule normInputs

let fused =
    let tensors = List.map snd normInputs

    let struct (y, _, _, _) =
        BatchNormRelu.Forward(1e-5, tensors[0], tensors[1], tensors[2], Arena<float>())

    y.ToArray()

holds
    "with the rectifier in one rule: the same numbers to the bit"
    (fused = (normalizedCore.ToArray() |> Array.map (max 0.0)))
(*** include-output ***)
(** The running statistics of the layer after three batches, and its answer in use, which is that of fixed statistics: *)
let normLayer = BatchNorm<float> 3
let runningTape = Tape<float>(training = true)
let three = [ normalMatrix 12 3; normalMatrix 7 3; normalMatrix 20 3 ]

for batch in three do
    normLayer.Apply(runningTape.Input(Tensor.ofMatrix batch)) |> ignore

let runningMean, runningVariance =
    three
    |> List.fold
        (fun (mean: Vector<float>, variance: Vector<float>) batch ->
            let columns = batch.EnumerateColumns()
            let mu = vector (columns |> Seq.map Statistics.Mean)
            // Divided by n - 1.
            let unbiased = vector (columns |> Seq.map Statistics.Variance)

            mean + 0.1 * (mu - mean), // BN-9
            variance + 0.1 * (unbiased - variance)) // BN-10
        (vector [ 0.0; 0.0; 0.0 ], vector [ 1.0; 1.0; 1.0 ])

agree "running mean" (runningMean.ToRowMatrix()) normLayer.Mean.Value
agree "running variance" (runningVariance.ToRowMatrix()) normLayer.Variance.Value

let inUse =
    use _ = runningTape.Evaluation()
    normLayer.Apply(runningTape.Input(Tensor.ofMatrix x)).Value

agree
    "batch norm in use"
    (x
     |> mapRows (fun row ->
         (row - runningMean).PointwiseDivide(runningVariance.Add(1e-5).PointwiseSqrt())))
    inUse
(*** include-output ***)
(** The mean over the image, option A, two forms of pooling, and a whole residual block: longhand, core, and differences for its input and all six parameters. *)
let pooledImage = asTensor [ 2; 5; 4; 3 ] (normalMatrix 2 60)

differences
    "mean over the image"
    (fun _ inputs -> inputs[0].GlobalAveragePool())
    [ ("x", pooledImage) ]

differences "option A" (fun _ inputs -> inputs[0].PadShortcut(2, 6)) [ ("x", pooledImage) ]

differences
    "average pool"
    (fun _ inputs -> inputs[0].AveragePool2d(3, 2))
    [ ("x", pooledImage) ]

// No two numbers of a window are so close that differences would exchange them.
let distinct = [| for i in 0..119 -> float i / 10.0 |]
random.Shuffle(distinct.AsSpan())

differences
    "max pool"
    (fun _ inputs -> inputs[0].MaxPool2d(3, 2, 1))
    [ ("x", Tensor<float>.From(Shape(2, 5, 4, 3), ReadOnlySpan distinct)) ]

let sizes = {| Batch = 2; Height = 3; Width = 4; Channels = 2 |}
let perImage = sizes.Height * sizes.Width * sizes.Channels

let blockLayout = layout 3 1 1 (sizes.Height, sizes.Width) (sizes.Channels, sizes.Channels)

let drawnLayer () =
    {
        W = normalVector (9 * sizes.Channels * sizes.Channels)
        Gain = normalVector sizes.Channels
        Bias = normalVector sizes.Channels
    }

let firstLayer, secondLayer = drawnLayer (), drawnLayer ()

/// Images at which no rectifier is so close to its kink that differences would step across.
let blockInput =
    Seq.initInfinite (fun _ -> normalMatrix sizes.Batch perImage)
    |> Seq.find (fun x ->
        let _, sums, _ = longhandBlock 1e-5 blockLayout firstLayer secondLayer x
        sums |> List.forall (fun sum -> sum.PointwiseAbs().Enumerate() |> Seq.min > 0.005))

/// Stride 1, padding 1, no bias.
let convolution _ (inputs: Variable<float> list) =
    inputs[0].Conv2d(inputs[1], stride = 1, padding = 1)

let blockRule tape (inputs: Variable<float> list) =
    let layer x (parameters: Variable<float> list) =
        batchNormRule 1e-5 tape (convolution tape [ x; parameters[0] ] :: parameters[1..2])

    let first = layer inputs[0] inputs[1..3]
    (layer (first.Relu()) inputs[4..6] + inputs[0]).Relu()

let tensorsOf (layer: NormalizedConvolution) =
    [
        asTensor [ 3; 3; sizes.Channels; sizes.Channels ] (layer.W.ToRowMatrix())
        Tensor.ofVector layer.Gain
        Tensor.ofVector layer.Bias
    ]

let blockInputs =
    List.zip
        [ "x"; "w of layer 1"; "gain 1"; "bias 1"; "w of layer 2"; "gain 2"; "bias 2" ]
        (asTensor [ sizes.Batch; sizes.Height; sizes.Width; sizes.Channels ] blockInput
         :: tensorsOf firstLayer
         @ tensorsOf secondLayer)

let blockCotangent = normalMatrix sizes.Batch perImage
let blockY, _, blockBack = longhandBlock 1e-5 blockLayout firstLayer secondLayer blockInput
let blockDx, blockFirst, blockSecond = blockBack blockCotangent

let blockCore, blockGradients =
    runRule blockRule (List.map snd blockInputs) (Tensor.ofMatrix blockCotangent)

agree "residual block, y" blockY blockCore

for (name, _), longhand, core in
    Seq.zip3
        blockInputs
        [
            blockDx
            for layer in [ blockFirst; blockSecond ] do
                for gradient in [ layer.W; layer.Gain; layer.Bias ] do
                    gradient.ToRowMatrix()
        ]
        blockGradients do
    agree $"residual block, d{name}" longhand core

differences "residual block" blockRule blockInputs
(*** include-output ***)
(**
What the derivation said about batch normalization, on a convolution with a bias before it:
*)
let behindNorm eps tape (inputs: Variable<float> list) =
    batchNormRule eps tape (convolutionRule 1 1 tape inputs[0..2] :: inputs[3..4])

let beforeNorm (factor: float) =
    let w = factor * firstLayer.W

    [
        asTensor [ sizes.Batch; sizes.Height; sizes.Width; sizes.Channels ] blockInput
        asTensor [ 3; 3; sizes.Channels; sizes.Channels ] (w.ToRowMatrix())
        Tensor.ofVector firstLayer.Bias
        Tensor.ofVector firstLayer.Gain
        Tensor.ofVector firstLayer.Bias
    ]

let cotangent = Tensor.ofMatrix blockCotangent
let once, gradientsOnce = runRule (behindNorm 1e-12) (beforeNorm 1.0) cotangent
let tenfold, gradientsTenfold = runRule (behindNorm 1e-12) (beforeNorm 10.0) cotangent
let dwOnce, dwTenfold = vectorOf gradientsOnce[1], vectorOf gradientsTenfold[1]

check "the gradient of a bias before it is 0" ((vectorOf gradientsOnce[2]).InfinityNorm()) 1e-12
check "ten times the weights, the same y" (Tensor.distance once tenfold) 1e-9
check "and a tenth of the gradient" ((dwOnce - 10.0 * dwTenfold).InfinityNorm()) 1e-9

check
    "the gradient is orthogonal to the weights: cosine"
    (dwOnce.DotProduct firstLayer.W / (dwOnce.L2Norm() * firstLayer.W.L2Norm()))
    1e-9
(*** include-output ***)
(**
A whole network of eight layers, every one of its parameters; and five steps of gradient descent with momentum and decay:
*)
let network =
    ResNet<float>(
        ResNetSettings(
            Height = 6,
            Width = 6,
            Channels = 2,
            Layers = 8,
            Classes = 3,
            BaseFilters = 2,
            Shortcuts = ShortcutKind.Project
        ),
        random.Split "network",
        KeepsResponses = true
    )

let labels = [| 0; 2; 1 |]

/// True if all that goes into a rectifier is ten steps of the differences away from 0.
let isAwayFromKinks (images: Tensor<float>) =
    let tape = Tape<float>(training = true)
    network.Logits(tape.Constant images) |> ignore

    tape.Recorded
    |> Seq.filter (fun variable -> variable.Rule = "BatchNorm" || variable.Rule = "Add")
    |> Seq.forall (fun variable ->
        variable.Value.ToArray() |> Array.forall (fun x -> abs x > 10.0 * GradCheck.Step))

let images =
    Seq.initInfinite (fun _ -> Tensor.ofMatrix (normalMatrix 3 72))
    |> Seq.find isAwayFromKinks

let networkErrors =
    GradCheck.Run(
        (fun tape inputs ->
            use _ = tape.Training()
            network.Loss(inputs[0], labels)),
        [| images |],
        Array.ofSeq network.Parameters,
        random
    )

let worst = networkErrors |> Seq.maxBy _.Error

check
    $"derived = differences, whole network, worst of {networkErrors.Count} ({worst.Name})"
    worst.Error
    1e-6

let weights = normalVector 4
let descended = Parameter<float>("weights", Tensor.ofVector weights)
let sgd = Sgd<float>([ descended ], 0.9, 1e-4)

let byHand, _ =
    ((weights, Vector<float>.Build.Dense 4), [ 1..5 ])
    ||> List.fold (fun (theta, u) _ ->
        let gradient = normalVector 4
        sgd.ZeroGradients()
        Tensor.ofVector(gradient).Span.CopyTo descended.Gradient.Span
        sgd.Step 0.1
        let g = gradient + 1e-4 * theta // SGD-3
        let u = 0.9 * u + g // SGD-1
        theta - 0.1 * u, u) // SGD-2

agree "five steps of gradient descent" (byHand.ToRowMatrix()) descended.Value
(*** include-output ***)
(**
And PyTorch's engine, given the same numbers (`dotnet fsi tests/Parity/run.fsx`), found these largest relative differences:
*)
parity
    [
        "Conv2d"
        "BatchNorm"
        "BatchNorm.ForwardFixed"
        "BatchNormRelu"
        "BatchNormRelu.ForwardFixed"
        "GlobalAveragePool"
        "AveragePool2d"
        "MaxPool2d"
        "PadShortcut"
        "Sgd"
        "Schedule.Steps"
        "ResNet"
        "ResidualMlp"
    ]
(*** include-it-raw ***)
(**
## Numerical stability

### The variance in one pass

A channel of 1,024 normal numbers, moved by an offset. The mean of squares less the square of the mean needs one pass over the data where BN-1 and BN-2 need two, and was common on graphics cards for that reason. It subtracts two numbers near the square of
the offset. The truth is the variance of the numbers after they were rounded to single precision, in double precision and two passes.

Two passes are not all that can be done. If the mean $m$ of the first is rounded, the second finds

$$ \sum (x - m)^2 = n\sigma^2 + n(\mu - m)^2 $$

Beside it the second pass can add up

$$ \sum (x - m) = n(\mu - m) $$

The square of that, divided by $n$, is what the first sum has too much. The core takes it out again.
*)
let deviations =
    let stream = RandomStream(page.Seed).Split("channel")
    Array.init 1024 (fun _ -> float32 (stream.NextNormal()))

let onePass32 (values: float32[]) =
    let mutable sum, squares = 0.0f, 0.0f

    for value in values do
        sum <- sum + value
        squares <- squares + value * value

    let mean = sum / float32 values.Length
    float (squares / float32 values.Length - mean * mean)

let twoPass32 (values: float32[]) =
    let mutable sum, squares = 0.0f, 0.0f

    for value in values do
        sum <- sum + value

    let mean = sum / float32 values.Length

    for value in values do
        squares <- squares + (value - mean) * (value - mean)

    float (squares / float32 values.Length)

let onePass64 (values: float32[]) =
    let mean = values |> Array.averageBy float
    (values |> Array.averageBy (fun value -> float value * float value)) - mean * mean

let trueVariance (values: float32[]) = Statistics.PopulationVariance(Array.map float values)

let coreVariance (values: float32[]) =
    let one value = Tensor<float32>.From(Shape 1, ReadOnlySpan [| value |])
    let x = Tensor<float32>.From(Shape(values.Length, 1), ReadOnlySpan values)

    let struct (_, _, _, variance) =
        BatchNorm.Forward(1e-5, x, one 1.0f, one 0.0f, Arena<float32>())

    float (variance.ToScalar())

let offsets = [ 0.0; 1.0; 1e1; 1e2; 1e3; 1e4; 1e5; 1e6; 1e7; 1e8 ]
let movedBy (offset: float) = deviations |> Array.map (fun value -> float32 offset + value)

let variances: (string * (float32[] -> float)) list =
    [
        "one pass, float32", onePass32
        "two passes, float32", twoPass32
        "core, float32", coreVariance
        "one pass, float64", onePass64
        "truth", trueVariance
    ]

table
    ("offset" :: List.map fst variances)
    [
        for offset in offsets ->
            formatted "0e+0" offset
            :: [ for _, variance in variances -> formatted "G4" (variance (movedBy offset)) ]
    ]
(*** include-it-raw ***)
/// The first offset at which a variance is wrong by more than a hundredth.
let firstWrong variance =
    offsets
    |> List.tryFind (fun offset ->
        let values = movedBy offset
        not (abs (variance values - trueVariance values) <= 0.01 * trueVariance values))
    |> Option.map (formatted "0e+0")
    |> Option.defaultValue "none"

for name, variance in List.take 4 variances do
    printfn $"first offset wrong by more than 1 %%, {name}: {firstWrong variance}"

check
    "variance of the core in float32, worst relative error up to an offset of 1e7"
    (offsets
     |> List.filter (fun offset -> offset <= 1e7)
     |> List.map (fun offset ->
         let values = movedBy offset
         coreVariance values / trueVariance values - 1.0 |> abs)
     |> List.max)
    1e-4
(*** include-output ***)
(**
Where the difference comes out negative, the root is NaN. At the largest offset the numbers themselves are gone: single precision has steps of 8 at $10^8$, all rows are equal, and the truth is 0.

### Constant channels

A channel that is the same everywhere, as behind a dead rectifier, has variance 0. $\varepsilon$ makes $\hat x = 0$ of the 0/0, and $y = \beta$. It also bounds what comes back: BN-7 divides by $s$, which is at least $\sqrt\varepsilon$.
*)
let constantY, constantGradients =
    runRule
        (batchNormRule 1e-5)
        [
            Tensor.ofMatrix (Matrix<float>.Build.Dense(8, 1, 5.0))
            Tensor.ofVector (vector [ 1.0 ])
            Tensor.ofVector (vector [ 0.5 ])
        ]
        (Tensor.ofMatrix (normalMatrix 8 1))

printfn
    $"y: %g{constantY.ToArray()[0]}; largest |dx|: %.1f{(vectorOf (List.head constantGradients)).InfinityNorm()}; without ε: %g{(5.0 - 5.0) / sqrt 0.0}"

holds "a constant channel gives the bias" (constantY.ToArray() |> Array.forall ((=) 0.5))
(*** include-output ***)
(**
### Small batches

In a batch of two, $\hat x$ is 1 and −1 up to $\varepsilon$, whatever the two numbers are; nothing of them is left but their order, and hardly any gradient comes back. In a batch of one nothing is left. With more rows the statistics of a batch come close to those of all data. The third column, the deviation, is how far the $\hat x$ of the
number 1 scatters over random batches of normal numbers that it is part of: noise that training has and use has not.
*)
let noise = RandomStream(page.Seed).Split("small batches")

let oneAmong rows =
    let column = vector (1.0 :: List.init (rows - 1) (fun _ -> noise.NextNormal()))

    let y, gradients =
        runRule
            (batchNormRule 1e-5)
            [
                Tensor.ofMatrix (column.ToColumnMatrix())
                Tensor.ofVector (vector [ 1.0 ])
                Tensor.ofVector (vector [ 0.0 ])
            ]
            (Tensor.ofMatrix (
                (vector (List.init rows (fun _ -> noise.NextNormal()))).ToColumnMatrix()
            ))

    y.ToArray()[0], (vectorOf (List.head gradients)).InfinityNorm()

let batchSizes = [ 1; 2; 3; 4; 8; 32; 128; 512 ]

let scattered =
    [
        for rows in batchSizes ->
            rows, Array.init (page.Pick(quick = 200, standard = 1000)) (fun _ -> oneAmong rows)
    ]

table
    [ "rows"; "mean of x̂"; "deviation of x̂"; "largest |dx|, median" ]
    [
        for rows, draws in scattered ->
            [
                string rows
                $"%.3f{Statistics.Mean(Array.map fst draws)}"
                $"%.3f{Statistics.PopulationStandardDeviation(Array.map fst draws)}"
                formatted "0.0e+0" (Statistics.Median(Array.map snd draws))
            ]
    ]
(*** include-it-raw ***)
let nearlyOne =
    snd scattered[1] |> Array.filter (fun (xhat, _) -> abs (abs xhat - 1.0) < 0.01)

holds
    "two rows give 1 or −1, to a hundredth, nine times in ten"
    (10 * nearlyOne.Length >= 9 * (snd scattered[1]).Length)
(*** include-output ***)
(**
### Sums without normalization

Variances add, so without normalization each block doubles that of the signal (the derivation above), and single precision ends at $2^{128}$. The numbers themselves
grow by the root of that factor: if it is 2 they come to $2^{128}$ at about block 256, if it is less, later. Vectors of 64 features, $F(x) = W \max(x, 0)$ with starting weights of variance $2/n$:
*)
let doubling =
    let stream = RandomStream(page.Seed).Split("doubling")
    let normal count = Array.init count (fun _ -> float32 (stream.NextNormal()))
    let width = 64
    let mutable signal = normal width

    [
        for _ in 1..320 do
            let weights = normal (width * width)
            let deviation = sqrt (2.0f / float32 width)

            signal <-
                Array.init width (fun i ->
                    let mutable sum = 0.0f

                    for j in 0 .. width - 1 do
                        sum <- sum + deviation * weights[i * width + j] * max 0.0f signal[j]

                    signal[i] + sum)

            signal
    ]

let momentBehind block =
    doubling[block - 1] |> Array.averageBy (fun value -> float value * float value)

let firstOverflow = 1 + (doubling |> List.findIndex (Array.exists (Single.IsFinite >> not)))

let doublingFactor = (momentBehind 200 / momentBehind 1) ** (1.0 / 199.0)

printfn
    $"each block multiplies the second moment by %.2f{doublingFactor}, so numbers come to 2^128 at about block %.0f{256.0 / Math.Log2 doublingFactor}"

printfn $"the first block whose signal float32 cannot hold: {firstOverflow}"

holds "each block about doubles the second moment" (abs (doublingFactor - 2.0) < 0.3)
(*** include-output ***)
(**
## Do gradients vanish in plain deep networks?

It is the first suspicion, and section 4.1 of the paper rejects it. Fifty-six convolutions of 3x3 with 16 channels, starting weights of variance 2/n, on random images of 8x8; in pairs, with or
without a shortcut around each pair, with or without batch normalization behind each convolution. No training: how large is the gradient that reaches each block, for a random cotangent at the top?

Here and below, ± and the numbers in brackets are the 95 % interval of the mean over the seeds; one seed has none.
*)
type Stack = { Name: string; HasShortcuts: bool; IsNormalized: bool }

/// The norm of the signal and that of its gradient before each block and behind the last, from the bottom to the top.
let normsThrough (stack: Stack) (seed: uint64) =
    let stream = RandomStream(seed).Split("gradients")
    let tape = Tape<float32>(training = true, KeepsGradients = true)
    let shape = Shape(8, 8, 8, 16)

    let drawn () =
        Tensor<float32>
            .From(
                shape,
                ReadOnlySpan(Array.init shape.Length (fun _ -> float32 (stream.NextNormal())))
            )

    let layer (x: Variable<float32>) =
        let convolved = Conv2d<float32>(16, 16, 3, stream, 1, 1, false, WeightScale.He).Apply x

        if stack.IsNormalized then BatchNorm<float32>(16).Apply convolved else convolved

    let block (x: Variable<float32>) (_: int) =
        let residual = layer ((layer x).Relu())
        (if stack.HasShortcuts then residual + x else residual).Relu()

    let signals = List.scan block (tape.Input(drawn ())) [ 1 .. healthyDepth / 2 ]
    tape.Backward(List.last signals, drawn ())

    let norm (x: Tensor<float32> | null) =
        match x with
        | null -> nan
        | x -> x.ToArray() |> Array.sumBy (fun value -> float value ** 2.0) |> sqrt

    [ for signal in signals -> norm signal.Value, norm signal.Gradient ]

let untrainedStacks: Stack list =
    [
        { Name = "plain"; HasShortcuts = false; IsNormalized = false }
        { Name = "plain, batch norm"; HasShortcuts = false; IsNormalized = true }
        { Name = "residual"; HasShortcuts = true; IsNormalized = false }
        { Name = "residual, batch norm"; HasShortcuts = true; IsNormalized = true }
    ]

let gradientSeeds =
    [ for i in 0 .. page.Pick(quick = 1, standard = 4) -> page.Seed + uint64 i ]

let norms, normSeconds =
    timed (fun () ->
        [
            for stack in untrainedStacks ->
                stack, [ for seed in gradientSeeds -> seed, normsThrough stack seed ]
        ])

/// By how many orders of magnitude a norm grows from the top to the bottom.
let growthDown (f: float * float -> float) (blocks: (float * float) list) =
    log10 (f (List.head blocks) / f (List.last blocks))

table
    [
        $"{healthyDepth} layers"
        "signal, bottom to top, orders of magnitude"
        "gradient, top to bottom"
    ]
    [
        for stack, runs in norms ->
            let mean f = runs |> List.averageBy (snd >> f)
            [ stack.Name; $"%+.1f{-(mean (growthDown fst))}"; $"%+.1f{mean (growthDown snd)}" ]
    ]
(*** include-it-raw ***)
List.map2
    (fun (stack: Stack, runs: (uint64 * (float * float) list) list) colour ->
        let blocks = snd (List.head runs)
        let top = snd (List.last blocks)

        Chart.Line(
            x = [ 0..2..healthyDepth ],
            y = [ for _, gradient in blocks -> gradient / top ],
            Name = stack.Name,
            LineColor = colour
        ))
    norms
    [ Palette.red; Palette.orange; Palette.sky; Palette.blue ]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "layers from the bottom")
|> Chart.withYAxisStyle (
    TitleText = "gradient, relative to that at the top",
    AxisType = StyleParam.AxisType.Log
)
|> figure
    "gradients"
    "Norm of the gradient at each depth of a stack of 56 convolutions before training, relative to that at its top, for plain and residual stacks, with and without batch normalization: a level line means that the lowest layers learn as fast as the highest. The paper says of its plain networks that their gradients have healthy norms, and draws none."
(*** include-it-raw ***)
settle healthy [ for seed, blocks in snd norms[1] -> seed, growthDown snd blocks ] normSeconds
(*** include-output ***)
let growthALayer =
    10.0 ** ((snd norms[1] |> List.averageBy (snd >> growthDown snd)) / float healthyDepth)

printfn
    $"plain, batch norm: the gradient grows by a factor of %.2f{growthALayer} a layer, downward"
(*** include-output ***)
(**
Nothing vanishes. But *healthy* is not the word either, before the first step: with batch normalization and without shortcuts the gradient *grows* on its way down. Yang et al. (2019) derive a factor of
$\sqrt{\pi/(\pi-1)}$ a layer, 1.21, for wide layers and large batches, and conclude that batch normalization makes deep plain networks hard to train rather than easy. The lowest layers get the largest steps; as their weights' size does not matter, these make
the weights long and the next steps small. With shortcuts and normalization the growth is a small part of it: block $l$ adds little to what has come so far, and passes most of the gradient by. With shortcuts alone each
block about doubles the signal's second moment, and that of the gradient on its way down.
*)
(**
## Experiment: the degradation problem

It shows even without convolutions. The simplest network for it has hidden layers of 32 features, each a linear map, batch normalization and a rectifier, on the 1,297 handwritten digits of 8x8 pixels
(Alpaydin and Kaynak; scikit-learn's set). *Plain* layers follow each other; *residual* ones come in pairs with an identity around each. Nothing else differs: the same number of layers, parameters and
steps, the same starting weights.
*)
let tape = Tape<float32>(ChecksFinite = page.ChecksFinite)
let digits, digitsTest = Classifiers.digits page.Seed
let seeds = [ for i in 0 .. page.Pick(quick = 1, standard = 2) -> page.Seed + uint64 i ]
let batchSize = 64

/// Gradient descent as the paper has it, section 3.4: momentum 0.9, weight decay 0.0001.
let descent: string * (Parameter<float32> seq -> Optimizer<float32>) =
    "gradient descent, momentum 0.9, weight decay 0.0001",
    fun parameters -> Sgd<float32>(parameters, 0.9, 1e-4)

/// The paper's rates in small: divided by 10 after half the steps and after three quarters. Its deepest network it warms up at a
/// tenth of the rate (section 4.2); here every network is, for a twentieth of its steps.
let falling rate steps =
    let drops = [| steps / 2; steps * 3 / 4 |]
    fun step -> Schedule.Steps(step, rate, drops, 10.0, steps / 20, rate / 10.0)

let course name seed settings model (train: Examples) steps rate =
    {
        Name = name
        Seed = seed
        Settings = settings
        Model = model
        Optimizer = descent
        Rate = falling rate steps
        Steps = steps
        BatchSize = batchSize
        Train = train
        Augment = None
        LooksEvery = None
    }

let epochs (examples: Examples) count = count * ((examples.Count + batchSize - 1) / batchSize)

let kinds = [ "plain", false; "residual", true ]

let perceptron layers residual =
    ResidualMlpSettings(
        Inputs = digits.Features,
        Width = 32,
        Layers = layers,
        Outputs = digits.Classes,
        Residual = residual
    )

let towers =
    Classifiers.trainAll
        tape
        "depth, fully connected"
        [
            for layers in [ shallow; middle; deep ] do
                for kind, residual in kinds do
                    for seed in seeds ->
                        let settings = perceptron layers residual

                        course
                            $"digits-{kind}-{layers}-{seed}"
                            seed
                            (string settings)
                            (fun stream -> ResidualMlp<float32>(settings, stream))
                            digits
                            (page.Pick(quick = 40, standard = epochs digits 20))
                            0.1
        ]

/// Percent of wrong answers in inference mode.
let percentWrong examples (model: IClassifier<float32>) =
    100.0 * Classifiers.errorRate tape model examples

let towersOf layers residual =
    towers
    |> List.filter (fun (_, run) ->
        run.Model.Settings.Layers = layers && run.Model.Settings.Residual = residual)

let trainingErrors layers residual =
    [ for _, run in towersOf layers residual -> percentWrong digits run.Model ]

table
    [
        "layers"
        "plain: training error, %"
        "plain: test error, %"
        "residual: training error, %"
        "residual: test error, %"
    ]
    [
        for layers in [ shallow; middle; deep ] ->
            string layers
            :: [
                for _, residual in kinds do
                    plusMinus "F2" (trainingErrors layers residual)

                    plusMinus
                        "F2"
                        [
                            for _, run in towersOf layers residual ->
                                percentWrong digitsTest run.Model
                        ]
            ]
    ]
(*** include-it-raw ***)
let apart first second = List.map3 (fun seed a b -> seed, a - b) seeds first second

settle
    degrades
    (apart (trainingErrors deep false) (trainingErrors middle false))
    (Classifiers.totalSeconds towers)

settle
    reversed
    (apart (trainingErrors deep false) (trainingErrors deep true))
    (Classifiers.totalSeconds towers)

settle
    gains
    (apart (trainingErrors deep true) (trainingErrors middle true))
    (Classifiers.totalSeconds towers)
(*** include-output ***)
let smoothed points =
    points
    |> Array.chunkBySize (max 1 (Array.length points / 60))
    |> Array.map (fun chunk -> fst (Array.last chunk), Array.averageBy snd chunk)

let lossLine name colour dash (points: (int * float)[]) =
    let points = smoothed points

    Chart.Line(
        x = Array.map fst points,
        y = [ for _, loss in points -> Math.Round(loss, 4) ],
        Name = name,
        LineColor = colour,
        LineDash = dash
    )

let depthLooks =
    [
        shallow, Palette.sky, StyleParam.DrawingStyle.Dot
        middle, Palette.blue, StyleParam.DrawingStyle.Dash
        deep, Palette.red, StyleParam.DrawingStyle.Solid
    ]

kinds
|> List.map (fun (kind, residual) ->
    kind,
    [
        for layers, colour, dash in depthLooks do
            let _, run = List.head (towersOf layers residual)
            lossLine $"{layers} layers" colour dash run.Losses
    ]
    |> Chart.combine)
|> selector
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "training loss, nats", AxisType = StyleParam.AxisType.Log)
|> figure
    "degradation"
    "Training loss of fully connected networks over the steps, plain or residual, on a logarithmic axis: the shallow one dotted, the middle one dashed, the deep one solid. The paper's figure 6 has errors of convolutional networks on CIFAR-10, training dashed and test solid: on its left the plain networks, the worse the deeper; in its middle the residual ones, the better the deeper."
(*** include-it-raw ***)
(**
A plain network of this width that is so deep fails altogether in the default run; the paper's plain networks of 56 layers are only some points worse than those of 20. That is a caricature: 32 features leave little room for
a signal to survive by chance. So the same with convolutions.

### With convolutions, on clothes

Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), 6,000 images of clothes to learn from, halved to 14x14 by means of 2x2 pixels so that deep networks fit into the time. The networks are the paper's,
section 4.2: three stages of 3x3 convolutions, here with 8, 16 and 32 filters, zero padding on the shortcuts (option A), so that plain and residual have the same parameters.
*)
let clothes, clothesTest = Classifiers.fashion ()

let halved (examples: Examples) =
    let images = examples.Inputs.Reshape(Shape(examples.Count, 28, 28, 1))
    let struct (means, _) = AveragePool2d.Forward(2, 2, images, Arena<float32>())

    Examples(
        means.ToPersistent().Reshape(Shape(examples.Count, 14 * 14)),
        examples.Labels,
        examples.Classes
    )

let smallClothes, smallClothesTest = halved clothes, halved clothesTest

let settingsOf
    (height, width, channels)
    filters
    layers
    shortcuts
    normalized
    scale
    preActivation
    =
    ResNetSettings(
        Height = height,
        Width = width,
        Channels = channels,
        Layers = layers,
        BaseFilters = filters,
        Classes = 10,
        Shortcuts = shortcuts,
        Normalized = normalized,
        Scale = scale,
        PreActivation = preActivation
    )

let convolutions side filters layers shortcuts =
    settingsOf (side, side, 1) filters layers shortcuts true WeightScale.He false

let residualNet (settings: ResNetSettings) = fun stream -> ResNet<float32>(settings, stream)

let stages =
    Classifiers.trainAll
        tape
        "depth, convolutions"
        [
            for layers in [ convolutional; deepConvolutional ] do
                for kind, shortcuts in
                    [ "plain", ShortcutKind.None; "residual", ShortcutKind.Pad ] do
                    for seed in seeds ->
                        let settings = convolutions 14 8 layers shortcuts

                        course
                            $"clothes-{kind}-{layers}-{seed}"
                            seed
                            (string settings)
                            (residualNet settings)
                            smallClothes
                            (page.Pick(quick = 8, standard = epochs smallClothes 3))
                            0.1
        ]

let stagesOf layers shortcuts =
    stages
    |> List.filter (fun (_, run) ->
        run.Model.Settings.Layers = layers && run.Model.Settings.Shortcuts = shortcuts)

let stageErrors layers shortcuts =
    [ for _, run in stagesOf layers shortcuts -> percentWrong smallClothes run.Model ]

table
    [ "network"; "parameters"; "training error, %"; "test error, %" ]
    [
        for layers in [ convolutional; deepConvolutional ] do
            for name, shortcuts in [ "plain", ShortcutKind.None; "ResNet", ShortcutKind.Pad ] ->
                let runs = stagesOf layers shortcuts

                [
                    $"{name}-{layers}"
                    ofThousands (snd (List.head runs)).Model.ParameterCount
                    plusMinus "F1" (stageErrors layers shortcuts)
                    plusMinus
                        "F1"
                        [ for _, run in runs -> percentWrong smallClothesTest run.Model ]
                ]
    ]
(*** include-it-raw ***)
settle
    degradesConvolutional
    (apart
        (stageErrors deepConvolutional ShortcutKind.None)
        (stageErrors convolutional ShortcutKind.None))
    (Classifiers.totalSeconds stages)

settle
    reversedConvolutional
    (apart
        (stageErrors deepConvolutional ShortcutKind.None)
        (stageErrors deepConvolutional ShortcutKind.Pad))
    (Classifiers.totalSeconds stages)
(*** include-output ***)
/// One run of each network, with its name and the look of its line.
let fourNetworks =
    [
        for layers, plainDash, residualDash in
            [
                convolutional, StyleParam.DrawingStyle.DashDot, StyleParam.DrawingStyle.Dot
                deepConvolutional, StyleParam.DrawingStyle.Dash, StyleParam.DrawingStyle.Solid
            ] do
            for name, shortcuts, colour, dash in
                [
                    "plain", ShortcutKind.None, Palette.red, plainDash
                    "ResNet", ShortcutKind.Pad, Palette.blue, residualDash
                ] do
                let _, run = List.head (stagesOf layers shortcuts)
                $"{name}-{layers}", run, colour, dash
    ]

[ for name, run, colour, dash in fourNetworks -> lossLine name colour dash run.Losses ]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "training loss, nats")
|> figure
    "degradation-convolutions"
    "Training loss of convolutional networks on clothes over the steps: the deep residual one solid, the deep plain one dashed, the shallow residual one dotted, the shallow plain one in dashes and dots. In the paper's figure 4, on ImageNet, the plain network of 34 layers stays above that of 18 from beginning to end, and the residual one comes to lie below."
(*** include-it-raw ***)
(**
### What a layer adds

The paper looks at the *responses*: what comes out of each 3x3 layer behind its normalization, before the rectifier and before the addition (figure 7). If a residual block only refines what it is handed, its
responses are small, and the smaller, the more blocks share the work. Standard deviations over 500 training images, all positions and channels, of the networks just trained.
*)
/// The standard deviation of every 3x3 layer's response, from the input on.
let responsesOf (model: ResNet<float32>) =
    let rows = [| 0 .. page.Pick(quick = 99, standard = 499) |]
    model.KeepsResponses <- true
    tape.Clear()
    let struct (x, _) = smallClothes.Batch<float32>(ReadOnlySpan rows)
    model.Logits(tape.Constant x) |> ignore

    [
        for place in model.Responses ->
            Statistics.PopulationStandardDeviation(
                tape.Find(place).Value.ToArray() |> Seq.map float
            )
    ]

let meanResponses layers shortcuts =
    [ for _, run in stagesOf layers shortcuts -> List.average (responsesOf run.Model) ]

let ratios above below = List.map3 (fun seed a b -> seed, a / b) seeds above below

let responseSeconds, (plainResponses, residualResponses, shallowResponses) =
    let work () =
        meanResponses deepConvolutional ShortcutKind.None,
        meanResponses deepConvolutional ShortcutKind.Pad,
        meanResponses convolutional ShortcutKind.Pad

    let result, seconds = timed work
    seconds, result

settle responses (ratios residualResponses plainResponses) responseSeconds
settle deeperResponses (ratios residualResponses shallowResponses) responseSeconds
(*** include-output ***)
[
    for name, run, colour, dash in fourNetworks ->
        let deviations = responsesOf run.Model

        Chart.Line(
            x = [ 1 .. deviations.Length ],
            y = [ for deviation in deviations -> Math.Round(deviation, 4) ],
            Name = name,
            LineColor = colour,
            LineDash = dash
        )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "layer")
|> Chart.withYAxisStyle (TitleText = "standard deviation of the response")
|> figure
    "responses"
    "Standard deviation of each 3x3 layer's response, from the input on: the deep residual network solid, the deep plain one dashed, the shallow residual one dotted, the shallow plain one in dashes and dots. The paper's figure 7 has the same axes for plain networks of 20 and 56 layers and residual ones of 20, 56 and 110: the residual lines lie below the plain ones, the deeper the lower."
(*** include-it-raw ***)
(**
## Experiment: which shortcut

Where a stage begins, the image halves and the channels double, so the identity does not fit. Option A takes every second pixel and pads with zeros, B projects there by a 1x1 convolution, C projects everywhere.
32 layers on the small clothes.
*)
let shortcutKinds =
    [
        "plain", ShortcutKind.None
        "A: zeros", ShortcutKind.Pad
        "B: projection where needed", ShortcutKind.Project
        "C: projection everywhere", ShortcutKind.ProjectAll
    ]

let shortcutRuns =
    Classifiers.trainAll
        tape
        "shortcuts"
        [
            for _, shortcuts in shortcutKinds do
                for seed in seeds ->
                    let settings = convolutions 14 8 32 shortcuts

                    course
                        $"shortcuts-{shortcuts}-{seed}"
                        seed
                        (string settings)
                        (residualNet settings)
                        smallClothes
                        (page.Pick(quick = 8, standard = epochs smallClothes 3))
                        0.1
        ]

let shortcutErrors shortcuts =
    [
        for _, run in shortcutRuns do
            if run.Model.Settings.Shortcuts = shortcuts then
                percentWrong smallClothesTest run.Model
    ]

table
    [ "shortcut"; "parameters"; "test error, %" ]
    [
        for name, shortcuts in shortcutKinds ->
            let _, run =
                shortcutRuns
                |> List.find (fun (_, run) -> run.Model.Settings.Shortcuts = shortcuts)

            [
                name
                ofThousands run.Model.ParameterCount
                plusMinus "F2" (shortcutErrors shortcuts)
            ]
    ]
(*** include-it-raw ***)
/// The test errors of A, B and C, for each seed.
let withShortcut =
    [ for _, shortcuts in List.tail shortcutKinds -> shortcutErrors shortcuts ]
    |> List.transpose

settle
    anyShortcut
    (List.map3
        (fun seed plain others -> seed, plain - List.max others)
        seeds
        (shortcutErrors ShortcutKind.None)
        withShortcut)
    (Classifiers.totalSeconds shortcutRuns)

settle
    alikeShortcuts
    (List.map2 (fun seed others -> seed, List.max others - List.min others) seeds withShortcut)
    (Classifiers.totalSeconds shortcutRuns)
(*** include-output ***)
(**
Three seeds a kind, of a short training at a high rate: compare the intervals of A, B and C with the differences between them. The last claim is on the largest of three noisy numbers minus the smallest, which is positive by noise alone; the paper's 64,000 steps
leave less of it.
*)
(**
## Break it

What does a deep network need? ResNet-20 on the digits as it is, and with one, two or three things taken away: the identity, batch normalization (the convolutions get biases instead), the starting weights of He et al.
(variance 1/n instead of 2/n). Without normalization the rate of 0.1 may be too large: the network that lacks nothing else is trained at 0.1 and at 0.01, those that lack more at 0.01.
*)
/// A network of images of 8x8 on the digits.
let digitCourse name seed settings rate =
    course
        $"{name}-{seed}"
        seed
        (string settings)
        (residualNet settings)
        digits
        (page.Pick(quick = 8, standard = epochs digits 8))
        rate

let broken =
    let net shortcuts normalized scale =
        settingsOf (8, 8, 1) 16 20 shortcuts normalized scale false

    [
        "as it is", net ShortcutKind.Pad true WeightScale.He, 0.1
        "no identity", net ShortcutKind.None true WeightScale.He, 0.1
        "variance 1/n", net ShortcutKind.Pad true WeightScale.LeCun, 0.1
        "no normalization", net ShortcutKind.Pad false WeightScale.He, 0.1
        "no norm., rate 0.01", net ShortcutKind.Pad false WeightScale.He, 0.01
        "no norm., 1/n, rate 0.01", net ShortcutKind.Pad false WeightScale.LeCun, 0.01
        "no identity, no norm., rate 0.01", net ShortcutKind.None false WeightScale.He, 0.01
        "no identity, no norm., 1/n, rate 0.01",
        net ShortcutKind.None false WeightScale.LeCun,
        0.01
    ]

let brokenRuns =
    Classifiers.trainAll
        tape
        "break it"
        [
            for i, (_, settings, rate) in List.indexed broken ->
                digitCourse $"broken-{i}" page.Seed settings rate
        ]

table
    [ "network"; "training loss at the end, nats"; "test error, %" ]
    [
        for (name, _, _), (course, run) in List.zip broken brokenRuns ->
            [
                name
                (if run.Diverged then
                     "diverged"
                 else
                     plusMinus "F3" [ Classifiers.finalLoss (course, run) ])
                (if run.Diverged then
                     "–"
                 else
                     plusMinus "F1" [ percentWrong digitsTest run.Model ])
            ]
    ]
(*** include-it-raw ***)
let asItIs = snd (List.head brokenRuns)

List.zip broken brokenRuns
|> List.tail
|> List.map (fun ((name, _, _), (_, run)) ->
    name,
    Chart.combine
        [
            lossLine "as it is" Palette.blue StyleParam.DrawingStyle.Solid asItIs.Losses
            lossLine name Palette.red StyleParam.DrawingStyle.Dash run.Losses
        ])
|> selector
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "training loss, nats")
|> figure
    "break-it"
    "Training loss of ResNet-20 on digits over the steps, as it is (solid) and with something taken away (dashed): the identity, the normalization, the starting weights."
(*** include-it-raw ***)
(**
### Before or after

He et al. 2016 moved normalization and rectifier in front of the convolutions, so that nothing stands on the shortcut, from the first block to the last. The gain grows with depth; here are the deepest networks of this page.
*)
let orders =
    [
        "after (2015)", settingsOf (8, 8, 1) 8 deep ShortcutKind.Pad true WeightScale.He false
        "before (2016)", settingsOf (8, 8, 1) 8 deep ShortcutKind.Pad true WeightScale.He true
    ]

let orderRuns =
    Classifiers.trainAll
        tape
        "before or after"
        [
            for i, (_, settings) in List.indexed orders do
                for seed in seeds -> digitCourse $"order-{i}" seed settings 0.1
        ]

let ordered preActivation =
    orderRuns
    |> List.filter (fun (_, run) -> run.Model.Settings.PreActivation = preActivation)

let orderedLosses preActivation = ordered preActivation |> List.map Classifiers.finalLoss

table
    [ "normalization and rectifier"; "training loss at the end, nats"; "test error, %" ]
    [
        for name, settings in orders ->
            let runs = ordered settings.PreActivation

            [
                name
                plusMinus "F4" (orderedLosses settings.PreActivation)
                plusMinus "F2" [ for _, run in runs -> percentWrong digitsTest run.Model ]
            ]
    ]
(*** include-it-raw ***)
settle
    preActivated
    (apart (orderedLosses false) (orderedLosses true))
    (Classifiers.totalSeconds orderRuns)
(*** include-output ***)
(**
## Experiment: clothes with ResNet-20

The network of the paper's section 4.2 with its 16, 32 and 64 filters, on whole images of 28x28; against two others of about as many parameters: a perceptron of two hidden layers, and two convolutions of 5x5 with pooling, as LeCun et al. 1998 had
them. All three see the same images as often and in the same order, padded and cropped at random and mirrored as in the paper (section 4.2; 2 pixels instead of 4, as the images are smaller and fill their frame).

With `--save FILE` the trained ResNet becomes a file of its weights, running statistics and settings. With `--corpus DIR` this experiment takes images of yours: a folder with files as MNIST has them (the whole of Fashion-MNIST, for one), or with those of CIFAR-10's binary version.
*)
let pictures =
    match own with
    | Some pictures -> pictures
    | None -> { Train = clothes; Test = clothesTest; Height = 28; Width = 28; Channels = 1 }

let padding = if own.IsSome then 4 else 2
let black = float (pictures.Train.Inputs.ToArray() |> Array.min)

let augmentation =
    CropAndFlip(pictures.Height, pictures.Width, pictures.Channels, padding, true, black)

let contestSteps = page.Pick(quick = 4, standard = epochs pictures.Train 8)

let resnet20 =
    settingsOf
        (pictures.Height, pictures.Width, pictures.Channels)
        16
        20
        ShortcutKind.Pad
        true
        WeightScale.He
        false

let contestants: (string * string * float * (RandomStream -> IClassifier<float32>)) list =
    let hidden =
        MlpSettings(Inputs = pictures.Train.Features, Hidden = [| 256; 256 |], Outputs = 10)

    let large =
        ConvNetSettings(
            Height = pictures.Height,
            Width = pictures.Width,
            Channels = pictures.Channels,
            FirstFilters = 16,
            SecondFilters = 32,
            Hidden = 160,
            Classes = 10
        )

    [
        "ResNet-20", string resnet20, 0.1, (fun stream -> ResNet<float32>(resnet20, stream))
        "two large convolutions",
        string large,
        0.02,
        (fun stream -> ConvNet<float32>(large, stream))
        "perceptron", string hidden, 0.02, (fun stream -> Mlp<float32>(hidden, stream))
    ]

let contest =
    Classifiers.trainAll
        tape
        "clothes"
        [
            for name, settings, rate, model in contestants ->
                { course
                      $"clothes-{name.Replace(' ', '-')}"
                      page.Seed
                      settings
                      model
                      pictures.Train
                      contestSteps
                      rate with
                    Augment = Some(fun stream images -> augmentation.Apply(stream, images))
                }
        ]

let contestErrors = [ for _, run in contest -> percentWrong pictures.Test run.Model ]

table
    [ "network"; "parameters"; "training error, %"; "test error, %"; "seconds" ]
    [
        for (name, _, _, _), (_, run), error in List.zip3 contestants contest contestErrors ->
            [
                name
                ofThousands (run.Model.Parameters |> Seq.sumBy _.Value.Length)
                plusMinus "F1" [ percentWrong pictures.Train run.Model ]
                plusMinus "F1" [ error ]
                plusMinus "F0" [ run.Seconds ]
            ]
    ]
(*** include-it-raw ***)
settle
    beatsMlp
    [ (page.Seed, contestErrors[2] - contestErrors[0]) ]
    (Classifiers.totalSeconds contest)

settle
    beatsLeNet
    [ (page.Seed, contestErrors[1] - contestErrors[0]) ]
    (Classifiers.totalSeconds contest)
(*** include-output ***)
(**
Depth pays where images and steps are many: CIFAR-10 has eight times as many images, and the paper takes 64,000 steps. With this little, small networks are hard to beat, and the verdicts say whether this one was.
The residual network also takes longest: small windows that slide over many layers use each weight far more often.

### What it saw

The sixteen 3x3 filters of the first convolution, and what they, and the three stages, make of one image.
*)
(*** hide ***)
/// The picture of each channel of an array [height, width, channels].
let channelsOf channels (values: float32[]) =
    [
        for c in 0 .. channels - 1 ->
            [| for i in c..channels .. values.Length - 1 -> float values[i] |]
    ]

/// The mean of each pixel's channels.
let grey channels (values: float[]) =
    values |> Array.chunkBySize channels |> Array.map Array.average

let imageOf i =
    let struct (row, _) = pictures.Test.Batch<float>(ReadOnlySpan [| i |])
    grey pictures.Channels (row.ToArray())
(**
*)
let trained = (snd (List.head contest)).Model :?> ResNet<float32>

for file in Option.toList page.SaveTo do
    reading (fun () -> ModelFile.Save(file, trained))
    printfn $"saved: {file}"

let stem = Seq.head trained.Parameters
let shown = 0

let maps =
    tape.Clear()
    let struct (x, _) = pictures.Test.Batch<float32>(ReadOnlySpan [| shown |])
    trained.Logits(tape.Constant x) |> ignore

    [
        for name in [ "stem"; "stage.0"; "stage.1"; "stage.2" ] ->
            let variable =
                tape.Recorded
                |> Seq.findBack (fun variable -> variable.Place.StartsWith $"{name}.")

            let shape = variable.Value.Shape

            let title =
                if name = "stem" then
                    "behind the first convolution"
                else
                    $"behind stage {int name[6..] + 1}"

            title,
            mosaic
                8
                shape[1]
                shape[2]
                (channelsOf shape[3] (variable.Value.ToArray()) |> List.truncate 32)
    ]

[
    "the image", mosaic 1 pictures.Height pictures.Width [ imageOf shown ]
    "filters of the first convolution",
    mosaic 8 3 3 (channelsOf 16 (stem.Value.ToArray()) |> List.map (grey pictures.Channels))
    yield! maps
]
|> selector
|> figure
    "feature-maps"
    "One image of the test set, the filters of the first convolution, and the channels behind it and behind each stage (up to 32 of them), each scaled to its own range."
(*** include-it-raw ***)
(**
### What it got wrong
*)
let garments =
    [|
        "T-shirt"
        "trousers"
        "pullover"
        "dress"
        "coat"
        "sandal"
        "shirt"
        "sneaker"
        "bag"
        "ankle boot"
    |]

let nameOf label = if own.IsSome then $"class {label}" else garments[label]

let said = Classifiers.predict tape trained pictures.Test

let mistakes =
    [
        for i in 0 .. pictures.Test.Count - 1 do
            if said[i] <> pictures.Test.Labels[i] then
                i
    ]

mistakes
|> List.truncate 12
|> List.map imageOf
|> mosaic 4 pictures.Height pictures.Width
|> figure
    "mistakes"
    "The first twelve images of the test set that the network got wrong; what they are and what it said stands in the table below, row by row."
(*** include-it-raw ***)
table
    [ "picture"; "it is"; "it said" ]
    [
        for number, i in List.indexed (List.truncate 12 mistakes) ->
            [ string (number + 1); nameOf pictures.Test.Labels[i]; nameOf said[i] ]
    ]
(*** include-it-raw ***)
let confusions =
    mistakes
    |> List.countBy (fun i -> nameOf pictures.Test.Labels[i], nameOf said[i])
    |> List.sortByDescending snd
    |> List.truncate 3
    |> List.map (fun ((truth, answer), count) -> $"{truth} taken for {answer}, {count} times")
    |> String.concat "; "

printfn $"{mistakes.Length} of {pictures.Test.Count} are wrong. Most often: {confusions}."
(*** include-output ***)
(**
## Paper says, we did

| the paper says | we did | why |
|:--|:--|:--|
| $F$ for the residual, $W_s$ for a projection | $F$ and $P$; $s$ is the stride, and the root in batch normalization | letters run out |
| convolution layers, biases not mentioned | none in front of batch normalization | its gradient is 0, [above](#Agreement) |
| batch normalization "right after each convolution and before activation" (section 3.4) | the same; also behind projections | the authors' program does so |
| statistics for testing: none said for CIFAR-10; averages over training batches in the authors' program | running means, a tenth of each new batch | Ioffe and Szegedy's, algorithm 2, averages after training; a running mean is ready at any time |
| ε not given | 10⁻⁵ | the authors' program |
| starting weights of He et al. 2015, variance 2/n with n the inputs of a window | the same | |
| momentum 0.9, with the rate inside the velocity (their program) | the rate outside it | SGD-1, SGD-2; the same while the rate stays |
| weight decay 10⁻⁴ on all weights | the same, on all parameters | the paper makes no exception for gains and biases |
| the vanishing of gradients is ruled out by "healthy norms" | [measured](#Do-gradients-vanish-in-plain-deep-networks) before training | they grow |
| CIFAR-10, 50,000 images of 32x32 in colour; ImageNet | digits of 8x8, 6,000 images of clothes of 14x14 and 28x28 | what fits into the repository and into minutes; `--corpus` takes CIFAR-10 |
| 64,000 steps of 128 images, rates 0.1, 0.01, 0.001 from 32,000 and 48,000 on | a few hundred steps of 64 images, the same rates from half and three quarters on | time |
| a warm-up at 0.01 for 110 layers only | a twentieth of the steps at a tenth of the rate, for every network | our runs are short, and their batches small for that rate |
| one run a network, five with 110 layers (table 6) | mean and interval of three seeds; one run of each network that something is taken away from, and of those of the last experiment | time |
| 16, 32 and 64 filters | 8, 16 and 32 where depths and shortcuts are compared; the paper's in the last experiment | time |
| pad 4, crop, mirror | pad 2, crop, mirror; only in the last experiment | clothes fill their frame |
| ImageNet's networks with bottlenecks, 50 to 152 layers | left out | no data and no time for them |

## Exercises

**1. Write a pullback.** A shortcut of option A on one row of an image: $x$ has `width` pixels of `ins` channels, pixel by pixel; $y$ has every second pixel, with `outs` channels. From $dy$ to $dx$ (PAD-3):
*)
/// Yours to write.
let shortcutPullback (width: int) (ins: int) (outs: int) (dy: float[]) : float[] =
    Array.zeroCreate (width * ins)

let errorOfShortcut (pullback: int -> int -> int -> float[] -> float[]) =
    let width, ins, outs = 5, 2, 3
    let dy = normalVector (3 * outs)

    let _, gradients =
        runRule
            (fun _ inputs -> inputs[0].PadShortcut(2, outs))
            [ asTensor [ 1; 1; width; ins ] (normalMatrix 1 (width * ins)) ]
            (Tensor.ofVector dy)

    (vector (pullback width ins outs (dy.ToArray())) - vectorOf (List.head gradients))
        .InfinityNorm()

let outcome error = if error < 1e-10 then "solved" else $"still open, error %.1e{error}"
printfn $"exercise 1: {outcome (errorOfShortcut shortcutPullback)}"
(*** include-output ***)
(*** hide ***)
let shortcutSolution width ins outs (dy: float[]) =
    Array.init (width * ins) (fun k ->
        let pixel, channel = k / ins, k % ins
        if pixel % 2 = 0 then dy[pixel / 2 * outs + channel] else 0.0)

check "the solution of exercise 1" (errorOfShortcut shortcutSolution) 1e-12
(**
<details><summary>Solution</summary>

`Array.init (width * ins) (fun k -> if k / ins % 2 = 0 then dy[k / ins / 2 * outs + k % ins] else 0.0)`

The new channels of $dy$ reach no pixel, and pixels that were left out get nothing.

</details>

**2. Write a pullback.** Batch normalization of one channel, from $x$, $\gamma$ and $dy$ to $dx$, with $\varepsilon = 10^{-5}$. Try it from BN-3 on paper before you look at BN-7.
*)
/// Yours to write.
let channelPullback (x: float[]) (gain: float) (dy: float[]) : float[] =
    Array.map (fun _ -> 0.0) x

let errorOfChannel (pullback: float[] -> float -> float[] -> float[]) =
    let x, dy, gain = normalVector 9, normalVector 9, 1.5

    let _, gradients =
        runRule
            (batchNormRule 1e-5)
            [
                Tensor.ofMatrix (x.ToColumnMatrix())
                Tensor.ofVector (vector [ gain ])
                Tensor.ofVector (vector [ 0.0 ])
            ]
            (Tensor.ofVector dy)

    (vector (pullback (x.ToArray()) gain (dy.ToArray())) - vectorOf (List.head gradients))
        .InfinityNorm()

printfn $"exercise 2: {outcome (errorOfChannel channelPullback)}"
(*** include-output ***)
(*** hide ***)
let channelSolution (x: float[]) gain (dy: float[]) =
    let mean = Array.average x
    let s = sqrt (Array.averageBy (fun value -> (value - mean) ** 2.0) x + 1e-5)
    let xhat = x |> Array.map (fun value -> (value - mean) / s)
    let average, along = Array.average dy, Array.average (Array.map2 (*) dy xhat)
    Array.map2 (fun dy xhat -> gain / s * (dy - average - xhat * along)) dy xhat

check "the solution of exercise 2" (errorOfChannel channelSolution) 1e-12
(**
<details><summary>Solution</summary>

`let along = Array.average (Array.map2 (fun d x -> d * x) dy xhat)` and `Array.map2 (fun d x -> gain / s * (d - Array.average dy - x * along)) dy xhat`, with `s` and `xhat` as in BN-3.

</details>

**3. Find the bug.** A colleague computes $dx$ of a convolution with a kernel of 3x3, a stride of 1 and a padding of 1. It passes his test, whose kernel is all ones. What is wrong, and which other kernels would not have shown it?
*)
let suspectPullback (kernel: Matrix<float>) (dy: Matrix<float>) : Matrix<float> =
    let padded = Matrix<float>.Build.Dense(dy.RowCount + 2, dy.ColumnCount + 2)
    padded.SetSubMatrix(1, 1, dy)
    slide kernel padded

let errorOfSliding (pullback: Matrix<float> -> Matrix<float> -> Matrix<float>) kernel =
    let dy = normalMatrix 5 5

    let _, gradients =
        runRule
            convolution
            [ asTensor [ 1; 5; 5; 1 ] (normalMatrix 5 5); asTensor [ 3; 3; 1; 1 ] kernel ]
            (Tensor.ofMatrix dy)

    (flat (pullback kernel dy) - vectorOf (List.head gradients)).InfinityNorm()

let ones = Matrix<float>.Build.Dense(3, 3, 1.0)
let drawnKernel = normalMatrix 3 3
printfn $"his test: error %.1e{errorOfSliding suspectPullback ones}"
printfn $"exercise 3: {outcome (errorOfSliding suspectPullback drawnKernel)}"
(*** include-output ***)
(*** hide ***)
let turnedPullback (kernel: Matrix<float>) (dy: Matrix<float>) =
    suspectPullback (Matrix<float>.Build.DenseOfRowMajor(3, 3, Seq.rev (flat kernel))) dy

check "the solution of exercise 3" (errorOfSliding turnedPullback drawnKernel) 1e-12
(**
<details><summary>Solution</summary>

The kernel must be turned by 180° before it slides (CONV-2). Every kernel that is the same after half a turn hides it, such as a blur.

</details>

**4. Convolution arithmetic.** How many pixels, from side to side, does one number behind several convolutions depend on: how large is its *receptive field*? Each layer is its kernel and its stride, from the image on.
The core can count it, as below for the network of 20 layers, whose last stage sees more than the 32 pixels that there are.
*)
/// Yours to write.
let receptiveField (layers: (int * int) list) : int = 1

/// Counts the pixels of a line that get a gradient from the number in the middle.
let countedField (layers: (int * int) list) =
    let tape = Tape<float>()
    let width = 201
    let x = tape.Input(Tensor<float>.Zeros(Shape(1, 1, width, 1)))

    let top =
        layers
        |> List.fold
            (fun (y: Variable<float>) (kernel, stride) ->
                let weights =
                    asTensor [ 1; kernel; 1; 1 ] (Matrix<float>.Build.Dense(1, kernel, 1.0))

                y.Conv2d(tape.Constant weights, stride = stride))
            x

    let middle = Tensor<float>.Zeros top.Value.Shape
    middle.Span[middle.Length / 2] <- 1.0
    tape.Backward(top, middle)

    (nonNull x.Gradient).ToArray() |> Array.filter ((<>) 0.0) |> Array.length

let stage stride = (3, stride) :: List.replicate 5 (3, 1)
let twenty = [ [ (3, 1) ]; stage 1; stage 2; stage 2 ]

printfn
    "behind the first convolution and each stage of the network of 20 layers: %A"
    [ for parts in 1..4 -> countedField (List.concat (List.take parts twenty)) ]

let stackings =
    [
        List.concat twenty
        [ (3, 1) ]
        [ 3, 1; 3, 1 ]
        [ 3, 2; 3, 1 ]
        [ 7, 2; 3, 2; 3, 1; 1, 1 ]
        [ 3, 1; 1, 2; 3, 1; 3, 2; 2, 1 ]
    ]

let wrongFields field =
    stackings |> List.filter (fun s -> field s <> countedField s) |> List.length

printfn
    "exercise 4: %s"
    (match wrongFields receptiveField with
     | 0 -> "solved"
     | wrong -> $"still open, {wrong} of {stackings.Length} wrong")
(*** include-output ***)
(*** hide ***)
let fieldSolution (layers: (int * int) list) =
    ((1, 1), layers)
    ||> List.fold (fun (field, step) (kernel, stride) ->
        field + (kernel - 1) * step, step * stride)
    |> fst

holds "the solution of exercise 4" (wrongFields fieldSolution = 0)

(**
<details><summary>Solution</summary>

Each layer adds $k - 1$ numbers of its own input, which lie as many pixels apart as the strides before it multiply to: $1 + \sum_l (k_l - 1) \prod_{m<l} s_m$.

</details>

**5.** The paper's blocks end in $\max(F(x) + x, 0)$. Why can the signal on the shortcuts then only grow, and what does the product of the $(I + J_l)$ look like when it is written without the assumption that the rectifiers let all through? What did the authors change a year later?

<details><summary>Solution</summary>

$x \ge 0$ behind every block, and what is negative in $F$ can take away no more than there is. Between the factors stand diagonal matrices of zeros and ones, so the direct term is $dx_L$ only where all rectifiers are open. He et al. (2016) move normalization and rectifier in front of the convolutions, $y = x + F(x)$ with nothing behind
the sum, and the equation above holds as it is written.

</details>

**6.** How many more parameters does option B have than option A, at any depth? In the paper option C helps a little more: why is it not used?

<details><summary>Solution</summary>

Two projections, $16 \cdot 32 + 32 \cdot 64$ weights, and their gains and biases, $2\,(32 + 64)$: 2,752. Option C has a projection in every block; section 4.1 attributes its small gain to the further parameters, and saves them for the memory and time of networks with bottlenecks.

</details>

## References

- He, Zhang, Ren and Sun 2015, [Deep Residual Learning for Image Recognition](https://arxiv.org/abs/1512.03385).
- Ioffe and Szegedy 2015, [Batch Normalization](https://arxiv.org/abs/1502.03167).
- He, Zhang, Ren and Sun 2015, [Delving Deep into Rectifiers](https://arxiv.org/abs/1502.01852): the starting weights.
- He, Zhang, Ren and Sun 2016, [Identity Mappings in Deep Residual Networks](https://arxiv.org/abs/1603.05027): the product of the $(I + J)$, and blocks without a rectifier behind the sum.
- Srivastava, Greff and Schmidhuber 2015, [Highway Networks](https://arxiv.org/abs/1505.00387): shortcuts with gates.
- LeCun, Bottou, Bengio and Haffner 1998, Gradient-based learning applied to document recognition: convolutional networks.
- Lin, Chen and Yan 2013, [Network In Network](https://arxiv.org/abs/1312.4400): global average pooling.
- Dumoulin and Visin 2016, [A guide to convolution arithmetic for deep learning](https://arxiv.org/abs/1603.07285).
- van Laarhoven 2017, [L2 Regularization versus Batch and Weight Normalization](https://arxiv.org/abs/1706.05350): decay as a rate.
- Yang, Pennington, Rao, Sohl-Dickstein and Schoenholz 2019, [A Mean Field Theory of Batch Normalization](https://arxiv.org/abs/1902.08129): gradients that grow.
- Sutskever, Martens, Dahl and Hinton 2013, On the importance of initialization and momentum in deep learning.
- Xiao, Rasul and Vollgraf 2017, [Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms](https://arxiv.org/abs/1708.07747): the clothes.
- Alpaydin and Kaynak 1998, [Optical Recognition of Handwritten Digits](https://doi.org/10.24432/C50P49), UCI Machine Learning Repository: the digits.
*)
(*** hide ***)
finish page
