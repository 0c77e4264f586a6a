(**
---
title: Attention Is All You Need
category: Papers
categoryindex: 2
index: 1
description: An encoder-decoder of attention alone, every gradient derived by hand, learns to pronounce English.
year: 2017
keywords: attention, multi-head attention, layer normalization, positional encoding, label smoothing, warm-up, Adam
time: about 5 minutes
---
# Attention Is All You Need

Ashish Vaswani, Noam Shazeer, Niki Parmar, Jakob Uszkoreit, Llion Jones, Aidan N. Gomez, Łukasz Kaiser, Illia Polosukhin.
Advances in Neural Information Processing Systems 30, 2017. [arXiv:1706.03762](https://arxiv.org/abs/1706.03762)

    [lang=text]
    @inproceedings{vaswani2017attention,
      title     = {Attention Is All You Need},
      author    = {Vaswani, Ashish and Shazeer, Noam and Parmar, Niki and Uszkoreit, Jakob and
                   Jones, Llion and Gomez, Aidan N. and Kaiser, {\L}ukasz and Polosukhin, Illia},
      booktitle = {Advances in Neural Information Processing Systems},
      volume    = {30},
      year      = {2017}
    }

- **What you need**: matrix products, the chain rule, and what a gradient is for. No other page comes before this one;
  [how to read a page](how-to-read-a-page.html) and [the notation](notation.html) help.
- **Time**: five minutes or so on two cores (30 seconds with `-- --quick`, less than an hour with
  `-- --full`, which trains a larger model for longer); no graphics card, no network.
- **Covers** sections 3.1 to 3.3, 3.5, 5.3, 5.4 and 6.1 of the paper, on a task of minutes. [Translation](translation.html), the paper's own task, and
  [what matters](variations.html), its tables 1 and 3, are pages of their own; a [table](#Where-each-part-of-the-paper-is) says where each section is.

## The paper in one paragraph

Before 2017, translation was done by recurrent networks: the sentence is read a word at a time, and what was read is squeezed
into a state that the next step depends on. Nothing can be computed before the step before it is done, and a word must travel
through every step between it and the one it matters to. The paper keeps one part of those networks, *attention*, by which
each position takes a weighted mean of all others, with weights computed from their content, and throws the rest away. Any two
positions are then one step apart, all positions are computed at once, and a big model of this kind reached 28.4 BLEU on English
to German, more than 2 above the best before it, for a small part of the training cost.

## The idea, on numbers you can follow

Three words, two numbers each. A *query* says what a position looks for, a *key* what a position offers, a *value* what it
hands over. The query is compared with each key by a dot product; softmax turns the three scores into weights that sum to 1;
the answer is the weighted mean of the values.
*)
#load "ensure.fsx"
#load "prelude.fsx"

open System
open System.Collections.Generic
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Generation
open Hybrid.Layers
open Hybrid.Memory
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Scripts
open Hybrid.Tensors
open Hybrid.Text
open MathNet.Numerics.LinearAlgebra
open MathNet.Numerics.Statistics
open Plotly.NET

(*** hide ***)
let page =
    Page.start
        "transformer"
        [ Extra.Full; Extra.Steps; Extra.Resume; Extra.CheckFinite; Extra.Save ]

let fingerprint =
    Results.fingerprint
        [ for part in [ "train"; "valid"; "test" ] -> $"cmudict-g2p/{part}.tsv.gz" ]

(**
*)
let words = matrix [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ]; [ 1.0; 1.0 ] ]

let softmax (x: Vector<float>) =
    let e = (x - x.Maximum()).PointwiseExp()
    e / e.Sum()

let mapRows (f: Vector<float> -> Vector<float>) (m: Matrix<float>) =
    Matrix<float>.Build.DenseOfRowVectors(m.EnumerateRows() |> Seq.map f)

// Every word asks about every word: queries, keys and values are the words themselves.
let weights = words * words.Transpose() / sqrt 2.0 |> mapRows softmax
printfn "weights, a row for each asking word:\n%s" (weights.ToMatrixString("F3"))
printfn "answers:\n%s" ((weights * words).ToMatrixString("F3"))
(*** include-output ***)
(**
The third word, which resembles both others, looks mostly at itself and equally at the two others; the first looks away from
the second. That is all there is to attention. The rest of the paper makes it trainable (projections), lets it look for several
things at once (heads), tells it where words stand (positions), and keeps a deep stack of it well-behaved (residual
connections, normalization, warm-up).

## Claims, written down before the run

The paper's own task, 4.5 million sentence pairs on eight graphics cards, does not fit into five minutes. Ours is a real
sequence-to-sequence task that does: from the spelling of an English word to its pronunciation (CMUdict; 119 thousand pairs to
learn from, and ten thousand words to be tested on that the model never sees). Each claim has its threshold here, above the
code that trains; the full run, which takes an hour and a larger model, has stricter ones.
*)
let limits minutes hour = page.Pick(quick = minutes, standard = minutes, full = hour)
let phonemeLimit, phonemePartly = limits (9.0, 14.0) (7.0, 9.0)
let wordLimit, wordPartly = limits (36.0, 50.0) (30.0, 36.0)

let phonemes =
    claim
        {
            Text =
                "A network of attention alone, without recurrence or convolution, learns to map sequences to sequences."
            Paper =
                "28.4 BLEU, English to German (abstract); another task, so only the fact can be compared"
            Measure = "phoneme error rate on all test words, %"
            Threshold =
                $"reproduced at most %g{phonemeLimit} %%, partly at most %g{phonemePartly} %%"
            Verdict = atMost phonemeLimit phonemePartly
        }

let wholeWords =
    claim
        {
            Text = "The same network gets most words it never saw right, every sound of them."
            Paper = "no figure; whole-sequence accuracy is stricter than BLEU"
            Measure = "word error rate on all test words, %"
            Threshold = $"reproduced at most %g{wordLimit} %%, partly at most %g{wordPartly} %%"
            Verdict = atMost wordLimit wordPartly
        }

let searching =
    claim
        {
            Text =
                "Beam search of 4 with a length penalty of 0.6 finds better answers than greedy decoding."
            Paper = "section 6.1, used for every result, no figure"
            Measure = "word error rate of greedy decoding minus that of beam search, points"
            Threshold = "reproduced from +0.2 on, partly above 0"
            Verdict = atLeast 0.2 1e-9
        }

let averaging =
    claim
        {
            Text = "The mean of the last five checkpoints is better than the last one."
            Paper = "section 6.1, used for every result, no figure"
            Measure = "validation loss of the mean minus that of the last, nats a token"
            Threshold = "reproduced below 0, partly up to +0.002"
            Verdict = atMost -1e-9 0.002
        }

let variance =
    claim
        {
            Text = "The variance of q·k is d_k, so scores grow like √d_k unless divided by it."
            Paper = "footnote 4 of section 3.2.1: exponent 1/2"
            Measure = "fitted exponent of the scores' standard deviation in d_k"
            Threshold = "reproduced within 0.02 of 0.5, partly within 0.05"
            Verdict =
                fun measured ->
                    atMost 0.02 0.05 { measured with Mean = abs (measured.Mean - 0.5) }
        }

let scaling =
    claim
        {
            Text =
                "Without the division by √d_k a model with wide heads (d_k = 128) learns worse."
            Paper = "section 3.2.1, stated for large d_k, no figure"
            Measure = "validation loss without minus with the division, nats a token"
            Threshold = "reproduced from +0.05 on, partly above 0"
            Verdict = atLeast 0.05 1e-9
        }

let perplexity =
    claim
        {
            Text = "Label smoothing hurts perplexity."
            Paper = "section 5.4, stated, no figure"
            Measure = "validation perplexity with smoothing 0.1 divided by that without"
            Threshold = "reproduced from 1.02 on, partly above 1"
            Verdict = atLeast 1.02 1.000001
        }
(*** include-output ***)
(**
## Derivation

Throughout, $dy$ is the *cotangent* of $y$: the gradient of the final scalar $L$ with respect to $y$, shaped as $y$ is. A
backward pass is handed $dy$ and must return $dx$, so that $\langle dy, \delta y\rangle = \langle dx, \delta x\rangle$ for every
small change $\delta x$ and the change $\delta y$ it causes. That equation, with the change written out, is the way every
gradient below is found.

### The linear map

$x$ is $[\text{rows}, \text{in}]$, $W$ is $[\text{in}, \text{out}]$, $b$ is $[\text{out}]$ and is added to each row.

$$ y = x W + b \tag{LIN-1} $$

A change gives $\delta y = \delta x\,W + x\,\delta W + \delta b$. Put it into $\langle dy, \delta y \rangle =
\operatorname{tr}(dy^\top \delta y)$ and move everything but the change to the left:
$\operatorname{tr}(dy^\top \delta x\,W) = \operatorname{tr}((dy\,W^\top)^\top \delta x)$, and likewise for the others.

$$ dx = dy\,W^\top \tag{LIN-2} $$

$$ dW = x^\top dy \tag{LIN-3} $$

$$ db_j = \sum_i dy_{ij} \tag{LIN-4} $$

Three matrix products, one of each form: neither factor transposed, the second, the first. Almost all of a Transformer's time is spent
in these three lines. The pre-softmax layer, tied to the embedding $E$ $[\text{entries}, \text{features}]$ (section 3.4), is
the same map with the matrix turned over:

$$ y = x E^\top \tag{LIN-5} $$

$$ dx = dy\,E \tag{LIN-6} $$

$$ dE = dy^\top x \tag{LIN-7} $$

### Softmax

$x$ and $p$ are rows of $n$ numbers. Subtracting the row's maximum $m$ cancels in the fraction and keeps $\exp$ at most 1.

$$ p_j = \frac{e^{x_j - m}}{\sum_k e^{x_k - m}}, \qquad m = \max_k x_k \tag{SM-1} $$

The quotient rule gives $\partial p_j / \partial x_k = p_j(\delta_{jk} - p_k)$, where $\delta_{jk}$ is 1 if $j = k$ and else 0.
Then $dx_k = \sum_j dp_j\,p_j(\delta_{jk} - p_k) = p_k\,dp_k - p_k \sum_j p_j\,dp_j$, or for the whole row

$$ dx = p \odot \bigl(dp - \langle p, dp \rangle\bigr) \tag{SM-2} $$

Two things can be read off. The entries of $dx$ sum to 0: adding a constant to $x$ changes nothing. And where one $p_j$ is
nearly 1, all of $dx$ is nearly 0: a saturated softmax passes no gradient. This is what the division by $\sqrt{d_k}$ is for.

### Cross-entropy from logits, with label smoothing

$x$ holds the logits of one position over $V$ classes, $t$ is the right class. Label smoothing (section 5.4) asks for
$q_j = (1 - \varepsilon)\,\delta_{jt} + \varepsilon / V$ instead of certainty. The loss is $\ell = -\sum_j q_j \log p_j$, and
$\log p_j = x_j - \log \sum_k e^{x_k}$. As $\sum_j q_j = 1$, the second part comes out of the sum:

$$ \operatorname{lse}(x) = m + \log \sum_k e^{x_k - m} \tag{CE-1} $$

$$ \ell = \operatorname{lse}(x) - \sum_j q_j x_j \tag{CE-2} $$

No probability is formed, so none can round to 0 before its logarithm is taken. Since $\partial \operatorname{lse} / \partial x_k = p_k$, and the
mean over $n$ positions that are not padding is taken,

$$ dx = \frac{d\ell}{n}\,(p - q) \tag{CE-3} $$

### Layer normalization

Each row $x$ of $n$ features, with a trained gain $g$ and bias $b$ of $n$ numbers each:

$$ \mu = \frac1n \sum_j x_j \tag{LN-1} $$

$$ \sigma^2 = \frac1n \sum_j (x_j - \mu)^2 \tag{LN-2} $$

$$ \hat x_j = \frac{x_j - \mu}{s}, \qquad s = \sqrt{\sigma^2 + \varepsilon} \tag{LN-3} $$

$$ y = g \odot \hat x + b \tag{LN-4} $$

Gain and bias are shared by all rows, so their gradients are sums over rows:

$$ dg = \sum_{\text{rows}} dy \odot \hat x \tag{LN-5} $$

$$ db = \sum_{\text{rows}} dy \tag{LN-6} $$

$$ d\hat x = g \odot dy \tag{LN-7} $$

For $dx$, note how $\mu$ and $s$ move with $x_k$. First $\partial\mu/\partial x_k = 1/n$. Then $\partial\sigma^2/\partial x_k =
\frac2n \sum_j (x_j - \mu)(\delta_{jk} - \frac1n) = \frac2n (x_k - \mu)$, because deviations from the mean sum to 0. So
$\partial s/\partial x_k = \frac{1}{2s}\cdot\frac2n (x_k - \mu) = \hat x_k / n$. The quotient rule on LN-3:

$$ \frac{\partial \hat x_j}{\partial x_k} = \frac{1}{s}\Bigl(\delta_{jk} - \frac1n - \frac{\hat x_j \hat x_k}{n}\Bigr) $$

Multiply by $d\hat x_j$, sum over $j$, and write $\operatorname{mean}$ for $\frac1n \sum_j$:

$$ dx = \frac{1}{s}\Bigl(d\hat x - \operatorname{mean}(d\hat x) - \hat x\,\operatorname{mean}(d\hat x \odot \hat x)\Bigr) \tag{LN-8} $$

The gradient is what remains of $d\hat x$ when its components along $\mathbf 1$ and along $\hat x$ are taken out: the two directions
in which moving $x$ does not move $y$ (up to $\varepsilon$). With either term left out the result still has
the shape and the size of a gradient; only a comparison with differences, as below, shows the mistake.

### Scaled dot-product attention

For one head: queries $q$ $[\text{queries}, d_k]$, keys $k$ $[\text{keys}, d_k]$, values $v$ $[\text{keys}, d_v]$, and $c =
1/\sqrt{d_k}$. A mask says how many keys, from the first on, a query may see; softmax runs over those, the others get weight 0
exactly, and a query that sees none gets zeros.

$$ s = c\,q k^\top \tag{ATT-1} $$

$$ p = \operatorname{softmax}(s) \text{, row by row, over the keys that are seen} \tag{ATT-2} $$

$$ y = p\,v \tag{ATT-3} $$

ATT-3 and ATT-1 are matrix products and go back as LIN-2 and LIN-3 do; ATT-2 goes back by SM-2, a row at a time. From the end:

$$ dv = p^\top dy \tag{ATT-4} $$

$$ dp = dy\,v^\top \tag{ATT-5} $$

$$ ds = p \odot \bigl(dp - \operatorname{rowsum}(p \odot dp)\bigr) \tag{ATT-6} $$

$$ dq = c\;ds\,k \tag{ATT-7} $$

$$ dk = c\;ds^\top q \tag{ATT-8} $$

A hidden key has $p = 0$, so by ATT-6 its $ds$ is 0 as well: the mask needs no code of its own going back.

GPT and the authors' own program also leave out weights by chance, which section 5.4 does not; here none is left out. The rule can: with a mask $m$ of
zeros and ones,

$$ \tilde p = \frac{p \odot m}{1 - rate} \tag{ATT-9} $$

takes the place of $p$ in ATT-3 and ATT-4, and what comes back through it is

$$ dp = \frac{d\tilde p \odot m}{1 - rate} \tag{ATT-10} $$

*Multi-head attention* projects the $d_{model}$ features to queries, keys and values, cuts each into $h$ slices, attends in each
slice by itself, puts the answers side by side and projects once more. Its gradient is LIN and ATT in turn.

### The small ones

The feed-forward layer is $\max(0, x W_1 + b_1) W_2 + b_2$, with

$$ y = \max(x, 0) \tag{RELU-1} $$

$$ dx = dy \text{ where } x > 0 \text{, else } 0 \tag{RELU-2} $$

An embedding looks row $id_i$ of $E$ up, times $\sqrt{d_{model}}$; rows that are looked up twice collect twice.

$$ y_i = \sqrt{d_{model}}\;E_{id_i} \tag{EMB-1} $$

$$ dE_k = \sqrt{d_{model}} \sum_{i:\,id_i = k} dy_i \tag{EMB-2} $$

A residual connection adds, and an addition hands its cotangent to both sides, which is why gradients reach the bottom of a
deep stack:

$$ y = a + b \tag{ADD-1} $$

$$ da = dy \tag{ADD-2} $$

$$ db = dy \text{, summed over the axes that } b \text{ lacks} \tag{ADD-3} $$

Dropout with rate $r$ draws a mask $m$ of zeros (probability $r$) and ones, and scales by $1/(1-r)$ so that the mean stays:

$$ y = \frac{x \odot m}{1 - r} \tag{DO-1} $$

$$ dx = \frac{dy \odot m}{1 - r} \tag{DO-2} $$

### Positions

Attention does not know where a word stands: permute the keys with their values, and nothing changes. Section 3.5 adds to each
embedding a row of sines and cosines whose wavelengths run from $2\pi$ to $10000 \cdot 2\pi$:

$$ PE_{pos,\,2i} = \sin\bigl(pos / 10000^{2i/d}\bigr) \tag{PE-1} $$

$$ PE_{pos,\,2i+1} = \cos\bigl(pos / 10000^{2i/d}\bigr) \tag{PE-2} $$

The paper hopes that this helps to attend by relative position, since $PE_{pos+k}$ is a linear function of $PE_{pos}$. It is: by the
addition theorems each pair turns by the fixed angle $k / 10000^{2i/d}$, a rotation that does not depend on $pos$.

### Adam and the warm-up

Section 5.3 trains with Adam ($\beta_1 = 0.9$, $\beta_2 = 0.98$, $\varepsilon = 10^{-9}$). For the gradient $g$ at step $t$:

$$ m \leftarrow \beta_1 m + (1 - \beta_1)\,g \tag{ADAM-1} $$

$$ v \leftarrow \beta_2 v + (1 - \beta_2)\,g^2 \tag{ADAM-2} $$

$$ \hat v = v / (1 - \beta_2^t) \tag{ADAM-3} $$

$$ \theta \leftarrow \theta - \alpha\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}, \qquad \hat m = m / (1 - \beta_1^t) \tag{ADAM-4} $$

The rate $\alpha$ rises for $w$ steps in a straight line and then falls with the root of the step; $c = 1$ and $w = 4000$ in the
paper. Ours are short runs of small batches: $c$ is smaller, in all but the full run $w$ too, and over the last part $f$ of the $S$ steps the rate falls to 0:

$$ \alpha(t) = c\;d_{model}^{-1/2}\,\min\bigl(t^{-1/2},\; t\,w^{-3/2}\bigr) \tag{LR-1} $$

$$ \alpha(t) \leftarrow \alpha(t)\,\frac{S - t + 1}{f S} \quad\text{for } t > (1 - f) S \tag{LR-2} $$

## Longhand

The same equations in F# with MathNet.Numerics, a line for each. `rowwise` subtracts from each row its own number.
*)
let rowwise (numbers: Vector<float>) (m: Matrix<float>) : Matrix<float> =
    m.MapIndexed(fun i _ value -> value - numbers[i])

/// Attention of one head and its pullback; a query sees as many keys as visible says.
let longhandAttention
    (visible: int -> int)
    (q: Matrix<float>)
    (k: Matrix<float>)
    (v: Matrix<float>)
    =
    let c = 1.0 / sqrt (float q.ColumnCount)
    let s = c * (q * k.Transpose()) // ATT-1
    let p = Matrix<float>.Build.Dense(s.RowCount, s.ColumnCount)

    for i in 0 .. s.RowCount - 1 do
        if visible i > 0 then
            p.SetRow(i, 0, visible i, softmax (s.Row(i, 0, visible i))) // ATT-2

    let y = p * v // ATT-3

    let back (dy: Matrix<float>) =
        let dv = p.Transpose() * dy // ATT-4
        let dp = dy * v.Transpose() // ATT-5
        let ds = p.PointwiseMultiply(rowwise (p.PointwiseMultiply(dp).RowSums()) dp) // ATT-6
        let dq = c * (ds * k) // ATT-7
        let dk = c * (ds.Transpose() * q) // ATT-8
        dq, dk, dv

    y, back

/// Layer normalization of each row and its pullback.
let longhandLayerNorm
    (eps: float)
    (x: Matrix<float>)
    (gain: Vector<float>)
    (bias: Vector<float>)
    =
    let n = float x.ColumnCount
    let mu = x.RowSums() / n // LN-1
    let centred = rowwise mu x
    let sigma2 = centred.PointwisePower(2.0).RowSums() / n // LN-2
    let s = sigma2.Add(eps).PointwiseSqrt()
    let xhat: Matrix<float> = centred.MapIndexed(fun i _ value -> value / s[i]) // LN-3
    let y = xhat |> mapRows (fun row -> gain.PointwiseMultiply(row) + bias) // LN-4

    let back (dy: Matrix<float>) =
        let dgain = dy.PointwiseMultiply(xhat).ColumnSums() // LN-5
        let dbias = dy.ColumnSums() // LN-6
        let dxhat = dy |> mapRows (fun row -> gain.PointwiseMultiply row) // LN-7
        let mean = dxhat.RowSums() / n
        let along = dxhat.PointwiseMultiply(xhat).RowSums() / n
        let dx = dxhat.MapIndexed(fun i j d -> (d - mean[i] - xhat[i, j] * along[i]) / s[i]) // LN-8
        dx, dgain, dbias

    y, back

/// The mean smoothed cross-entropy of some rows of logits, and its gradient.
let longhandCrossEntropy smoothing (targets: int[]) (x: Matrix<float>) =
    let classes = float x.ColumnCount

    let q: Matrix<float> =
        x.MapIndexed(fun i j _ ->
            (if j = targets[i] then 1.0 - smoothing else 0.0) + smoothing / classes)

    let lse =
        x.EnumerateRows()
        |> Seq.map (fun row -> row.Maximum() + log ((row - row.Maximum()).PointwiseExp().Sum())) // CE-1

    let loss = (Seq.sum lse - q.PointwiseMultiply(x).RowSums().Sum()) / float x.RowCount // CE-2
    let dx = (mapRows softmax x - q) / float x.RowCount // CE-3
    loss, dx

(**
## The code

What trains is C#: the same equations on contiguous memory, in parallel, accumulating into gradients that other rules may also
add to. A *rule* returns its value and its pullback; forward and backward stand in one file, and the comments carry the numbers of
the equations above. Here is attention, all heads of a batch at once:
*)
(*** hide ***)
csharp "Rules/Sequences/Attention.cs" "Forward"
(*** include-it-raw ***)
(**
Layer normalization:
*)
(*** hide ***)
csharp "Rules/Normalization/LayerNorm.cs" "Forward"
(*** include-it-raw ***)
(**
Softmax and cross-entropy in one rule:
*)
(*** hide ***)
csharp "Rules/Losses/CrossEntropy.cs" "Forward"
(*** include-it-raw ***)
(**
The linear map:
*)
(*** hide ***)
csharp "Rules/Linear/Linear.cs" "Forward"
(*** include-it-raw ***)
(**
The *tape* remembers which rules ran on what, and calls their pullbacks in reverse. A variable knows its tape, so that one word applies a rule and
records it: `x.LayerNorm(gain, bias)`. From one `Clear` to the next a tape is one pass; a pullback that would read a parameter as an optimizer has changed
it since is refused. The chain rule is the last loop:
*)
(*** hide ***)
csharp "Autodiff/Tape.cs" "Backward"
(*** include-it-raw ***)
(**
And the frame around every sublayer, with the paper's order (`LayerNorm(x + Sublayer(x))`, section 3.1) and the one that many
programs use instead behind a switch; dropout sits on the sublayer's output before the addition, and nowhere else (section 5.4):
*)
(*** hide ***)
csharp "Models/Transformer/TransformerBlock.cs" "Sublayer"
(*** include-it-raw ***)
(**
## Agreement

Independent ways to the same numbers: the longhand above, the C# rules, and central differences, which know nothing of any
derivation. The first two must agree to rounding. The third is compared for every element of every input, along a random
cotangent; the error is the greatest difference over the greatest gradient, and must stay below $10^{-6}$.
*)
let random = RandomStream(page.Seed).Split("agreement")

let normalMatrix rows columns =
    Matrix<float>.Build.Dense(rows, columns, (fun _ _ -> random.NextNormal()))

let asTensor (shape: int list) (m: Matrix<float>) =
    (Tensor.ofMatrix m).Reshape(Shape(Array.ofList shape))

/// Runs a rule in double and returns its value, and the gradient of each input for a cotangent.
let runRule
    (record: Tape<float> -> Variable<float> list -> Variable<float>)
    (inputs: Tensor<float> list)
    (cotangent: Tensor<float>)
    =
    let tape = Tape<float>()
    let variables = inputs |> List.map tape.Input
    let output = record tape variables
    tape.Backward(output, cotangent)

    output.Value.ToPersistent(),
    variables |> List.map (fun variable -> variable.Gradient.ToPersistent())

let agree name (longhand: Matrix<float>) (core: Tensor<float>) =
    check
        $"longhand = core, {name}"
        (Tensor.distance
            (Tensor.ofMatrix longhand)
            (core.Reshape(Shape(longhand.RowCount, longhand.ColumnCount))))
        1e-12

let differences
    name
    (record: Tape<float> -> Variable<float> list -> Variable<float>)
    (inputs: Tensor<float> list)
    =
    for error in
        GradCheck.Run(
            (fun tape variables -> record tape (List.ofArray variables)),
            Array.ofList inputs,
            [||],
            random
        ) do
        check $"derived = differences, {name}, {error.Name}" error.Error 1e-6

(** Attention, causal, 5 positions, 4 features: *)
let attentionRule _ (inputs: Variable<float> list) =
    let struct (y, _) = inputs[0].Attention(inputs[1], inputs[2], 1, 0.5, AttentionMask.Causal)

    y

let q, k, v, dy = normalMatrix 5 4, normalMatrix 5 4, normalMatrix 5 4, normalMatrix 5 4
let qkv = [ q; k; v ] |> List.map (asTensor [ 1; 5; 4 ])
let y, back = longhandAttention (fun i -> i + 1) q k v
let dq, dk, dv = back dy
let yCore, attentionGradients = runRule attentionRule qkv (asTensor [ 1; 5; 4 ] dy)
agree "attention, y" y yCore

List.iter2
    (fun (name, longhand) core -> agree $"attention, {name}" longhand core)
    [ "dq", dq; "dk", dk; "dv", dv ]
    attentionGradients

differences "attention" attentionRule qkv
(*** include-output ***)
(** Layer normalization, 5 rows of 4 features, gain and bias not 1 and 0: *)
let layerNormRule _ (inputs: Variable<float> list) =
    inputs[0].LayerNorm(inputs[1], inputs[2], 1e-5)

let x, gain, bias = normalMatrix 5 4, (normalMatrix 1 4).Row 0, (normalMatrix 1 4).Row 0
let layerNormInputs = [ Tensor.ofMatrix x; Tensor.ofVector gain; Tensor.ofVector bias ]
let normalized, layerNormBack = longhandLayerNorm 1e-5 x gain bias
let dx, dgain, dbias = layerNormBack dy

let normalizedCore, layerNormGradients =
    runRule layerNormRule layerNormInputs (Tensor.ofMatrix dy)

agree "layer norm, y" normalized normalizedCore

List.iter2
    (fun (name, longhand) core -> agree $"layer norm, {name}" longhand core)
    [ "dx", dx; "dgain", dgain.ToRowMatrix(); "dbias", dbias.ToRowMatrix() ]
    layerNormGradients

differences "layer norm" layerNormRule layerNormInputs
(*** include-output ***)
(** Cross-entropy with smoothing 0.1, 5 rows of 4 classes: *)
let targets = [| 0; 3; 1; 1; 2 |]

let crossEntropyRule _ (inputs: Variable<float> list) =
    inputs[0].CrossEntropy(targets, smoothing = 0.1)

let loss, dlogits = longhandCrossEntropy 0.1 targets x

let lossCore, crossEntropyGradients =
    runRule crossEntropyRule [ Tensor.ofMatrix x ] (Tensor<float>.Scalar 1.0)

check "longhand = core, cross-entropy, loss" (loss - lossCore.ToScalar()) 1e-12
agree "cross-entropy, dlogits" dlogits crossEntropyGradients[0]
differences "cross-entropy" crossEntropyRule [ Tensor.ofMatrix x ]
(*** include-output ***)
(** The rest of the rules, and then a whole (small) Transformer in double, every one of its parameters: *)
let sizes = {| Rows = 3; In = 4; Out = 5 |}

differences
    "linear"
    (fun _ inputs -> inputs[0].Linear(inputs[1], inputs[2]))
    [
        Tensor.ofMatrix (normalMatrix sizes.Rows sizes.In)
        Tensor.ofMatrix (normalMatrix sizes.In sizes.Out)
        Tensor.ofVector ((normalMatrix 1 sizes.Out).Row 0)
    ]

differences "softmax" (fun _ inputs -> inputs[0].Softmax()) [ Tensor.ofMatrix x ]

differences
    "embedding"
    (fun tape inputs -> tape.Embedding([| 2; 0; 2 |], Shape 3, 2.0, inputs[0]))
    [ Tensor.ofMatrix x ]

let smallSettings =
    TransformerSettings(
        SourceVocabulary = 7,
        TargetVocabulary = 6,
        Features = 8,
        Heads = 2,
        EncoderLayers = 1,
        DecoderLayers = 1,
        HiddenFeatures = 12,
        MaximumLength = 8
    )

let small = Transformer<float>(smallSettings, random.Split "small model")

let smallBatch =
    PairBatch(
        [| SequencePair([| 3; 4; 6 |], [| 5; 3 |]); SequencePair([| 5; 3 |], [| 4; 4; 5 |]) |]
    )

let smallErrors =
    // Dropout draws the same masks each time.
    GradCheck.Run(
        (fun tape _ ->
            use _ = tape.Training(RandomStream 7UL)
            small.Loss(tape, smallBatch, 0.1)),
        [||],
        Array.ofSeq small.Parameters,
        random
    )

let worst = smallErrors |> Seq.maxBy _.Error

check
    $"derived = differences, whole model, worst of {smallErrors.Count} parameters ({worst.Name})"
    worst.Error
    1e-6
(*** include-output ***)
(**
A fourth way is another library. `dotnet fsi tests/Parity/run.fsx` gives each rule, layer and optimizer, and the whole model, the same numbers as PyTorch's
engine: values, and gradients along a random cotangent in the middle of a graph. These are the largest relative differences that it found when it was
last run. For the model, forward means logits and loss, backward the gradient of every parameter, over all sixteen combinations of norm placement, tying,
biases and scale, and seven cases more for tables, key sizes and missing residuals; training is the loss over twenty steps of Adam.
*)
parity
    [
        "Linear"
        "Linear.ForwardTransposed"
        "LinearRelu"
        "Softmax"
        "CrossEntropy"
        "LayerNorm"
        "Attention"
        "Embedding"
        "Dropout"
        "MultiHeadAttention"
        "FeedForward"
        "SinusoidalPositions"
        "Adam"
        "Schedule.Warmup"
        "Schedule.Linear"
        "Transformer"
        "Transformer, 20 steps"
    ]
(*** include-it-raw ***)
(**
## Numerical stability

### Softmax without subtracting the maximum

Two scores, $s$ and 0. The naive fraction overflows as soon as $e^s$ does, and infinity over infinity is NaN.
*)
let naive32 (s: float32) = exp s / (exp s + 1.0f)
let naive64 (s: float) = exp s / (exp s + 1.0)

let core32 (s: float32) =
    let struct (p, _) =
        Softmax.Forward(
            Tensor<float32>.From(Shape 2, ReadOnlySpan [| s; 0.0f |]),
            Arena<float32>()
        )

    p.ToArray()[0]

let core64 (s: float) =
    let struct (p, _) =
        Softmax.Forward(Tensor<float>.From(Shape 2, ReadOnlySpan [| s; 0.0 |]), Arena<float>())

    p.ToArray()[0]

let magnitudes = [ 1.0; 10.0; 80.0; 90.0; 700.0; 710.0; 1e4 ]

let firstFailing isWrong =
    magnitudes |> List.tryFind isWrong |> Option.map string |> Option.defaultValue "none"

table
    [ "s"; "naive, float32"; "core, float32"; "naive, float64"; "core, float64" ]
    [
        for s in magnitudes ->
            [
                $"%g{s}"
                $"%g{naive32 (float32 s)}"
                $"%g{core32 (float32 s)}"
                $"%g{naive64 s}"
                $"%g{core64 s}"
            ]
    ]
(*** include-it-raw ***)
printfn
    "first failing s: naive float32 %s, naive float64 %s"
    (firstFailing (fun s -> Single.IsNaN(naive32 (float32 s))))
    (firstFailing (naive64 >> Double.IsNaN))

holds
    "softmax of the core is finite at every magnitude"
    (magnitudes
     |> List.forall (fun s -> Single.IsFinite(core32 (float32 s)) && Double.IsFinite(core64 s)))
(*** include-output ***)
(**
### The logarithm of a probability

The loss of a target that lies $s$ below the winner is $\log(1 + e^{s})$, very nearly $s$. Formed as $-\log p$, it becomes infinite
once $p$ underflows; formed from the logits (CE-2) it is right everywhere.
*)
let naiveLoss32 (s: float32) = -log(exp -s / (1.0f + exp -s))
let naiveLoss64 (s: float) = -log(exp -s / (1.0 + exp -s))

let coreLoss32 (s: float32) =
    let logits = Tensor<float32>.From(Shape(1, 2), ReadOnlySpan [| 0.0f; -s |])

    let struct (loss, _) =
        CrossEntropy.Forward([| 1 |], Nullable(), 0.0, logits, Arena<float32>())

    loss.ToScalar()

let distances = [ 1.0; 10.0; 80.0; 100.0; 110.0; 740.0; 750.0; 1e4 ]

table
    [ "s"; "−log p, float32"; "core, float32"; "−log p, float64"; "truth" ]
    [
        for s in distances ->
            [
                $"%g{s}"
                $"%g{naiveLoss32 (float32 s)}"
                $"%g{coreLoss32 (float32 s)}"
                $"%g{naiveLoss64 s}"
                $"%g{s + Math.Log(1.0 + exp -s)}"
            ]
    ]
(*** include-it-raw ***)
let relativeLossError =
    distances
    |> List.map (fun s -> abs (float (coreLoss32 (float32 s)) / (s + log (1.0 + exp -s)) - 1.0))
    |> List.max

check "loss of the core in float32, worst relative error" relativeLossError 1e-6
(*** include-output ***)
(**
### Variance as the mean of squares less the square of the mean

The row is $[a, a + 1]$, whose variance is 0.25 whatever $a$ is. The one-pass formula subtracts two numbers near $a^2$ and loses
all their digits; the two passes of LN-1 and LN-2 lose none. The last column is what layer normalization makes of the row in
float32: it should be 1, up to $\varepsilon$.
*)
let onePass32 (a: float32) =
    (a * a + (a + 1.0f) * (a + 1.0f)) / 2.0f - ((a + a + 1.0f) / 2.0f) ** 2.0f

let onePass64 (a: float) = (a * a + (a + 1.0) * (a + 1.0)) / 2.0 - ((a + a + 1.0) / 2.0) ** 2.0

let twoPass32 (a: float32) =
    let mean = (a + a + 1.0f) / 2.0f
    ((a - mean) * (a - mean) + (a + 1.0f - mean) * (a + 1.0f - mean)) / 2.0f

let normalized32 (a: float32) =
    let row values = Tensor<float32>.From(Shape 2, ReadOnlySpan(Array.ofList values))

    let struct (y, _) =
        LayerNorm.Forward(
            1e-5,
            row [ a; a + 1.0f ],
            row [ 1.0f; 1.0f ],
            row [ 0.0f; 0.0f ],
            Arena<float32>()
        )

    y.ToArray()[1]

let offsets = [ 1.0; 1e2; 1e3; 1e4; 1e5; 1e6 ]

table
    [
        "a"
        "one pass, float32"
        "two passes, float32"
        "one pass, float64"
        "layer norm of the core, float32"
    ]
    [
        for a in offsets ->
            [
                $"%g{a}"
                $"%g{onePass32 (float32 a)}"
                $"%g{twoPass32 (float32 a)}"
                $"%g{onePass64 a}"
                $"%.5f{normalized32 (float32 a)}"
            ]
    ]
(*** include-it-raw ***)
check
    "layer norm of the core in float32, offsets up to 1e6"
    (offsets |> List.map (fun a -> abs (float (normalized32 (float32 a)) - 1.0)) |> List.max)
    1e-4
(*** include-output ***)
(**
### What each NaN would have been

A number that is not one spreads: the sum, the loss, the gradient, every parameter. These are the places where a Transformer makes its first one, each
executed naively and by the core.
*)
let single extents (values: float32 list) =
    Tensor<float32>
        .From(Hybrid.Tensors.Shape(Array.ofList extents), ReadOnlySpan(Array.ofList values))

let firstOf (x: Tensor<float32>) = x.ToArray()[0]

let largeScores =
    let struct (p, _) = Softmax.Forward(single [ 2 ] [ 100.0f; 0.0f ], Arena<float32>())
    firstOf p

let attendTo mask =
    let x = single [ 1; 1; 2 ] [ 1.0f; 2.0f ]
    let struct (y, _, _) = Attention.Forward(1, 1.0, mask, x, x, x, Arena<float32>())
    firstOf y

let confidentLoss =
    let struct (loss, _) =
        CrossEntropy.Forward(
            [| 1 |],
            Nullable(),
            0.0,
            single [ 1; 2 ] [ 200.0f; 0.0f ],
            Arena<float32>()
        )

    firstOf loss

let constantRow =
    let struct (y, _) =
        LayerNorm.Forward(
            1e-5,
            single [ 1; 3 ] [ 5.0f; 5.0f; 5.0f ],
            single [ 3 ] [ 1.0f; 1.0f; 1.0f ],
            single [ 3 ] [ 0.0f; 0.0f; 0.0f ],
            Arena<float32>()
        )

    firstOf y

let firstStepWithoutGradient =
    let parameter = Parameter<float32>("p", single [ 1 ] [ 1.0f ])
    let adam = Adam<float32>.OfTransformer([ parameter ])
    adam.ZeroGradients()
    adam.Step 0.1
    firstOf parameter.Value

let nans: (string * float32 * string * float32) list =
    [
        "a score of 100 in softmax",
        exp 100.0f / (exp 100.0f + 1.0f),
        "largest score subtracted",
        largeScores
        "a query that sees no key: 0 / 0",
        0.0f / 0.0f,
        "defined as zeros",
        attendTo (AttentionMask.Padding [| 0 |])
        "log of a probability that is 0",
        -log(exp -200.0f / (1.0f + exp -200.0f)),
        "computed from the logits",
        confidentLoss
        "variance 0 under the root: 0 / 0",
        (5.0f - 5.0f) / sqrt 0.0f,
        "ε under the root",
        constantRow
        "Adam on a gradient that is 0, without ε: 0 / 0",
        0.0f / sqrt 0.0f,
        "ε added to the root",
        firstStepWithoutGradient
    ]

table
    [ "where"; "naively"; "what the core does"; "and gets" ]
    [ for where, naive, remedy, ours in nans -> [ where; $"%g{naive}"; remedy; $"%g{ours}" ] ]
(*** include-it-raw ***)
holds
    "each naive form fails, and the core's is a number"
    (nans
     |> List.forall (fun (_, naive, _, ours) ->
         not (Single.IsFinite naive) && Single.IsFinite ours))
(*** include-output ***)
(**
And if one comes up all the same, as when the learning rate is far too high, the run stops at that step and names the first tensor that holds it;
`-- --check-finite` looks after every rule, forward and backward.

### Why √d_k

Footnote 4 of the paper: if the entries of $q$ and $k$ are independent with mean 0 and variance 1, then $q \cdot k$ has variance
$d_k$. We draw them and fit the exponent. The figure shows what becomes of the softmax over ten such scores: the trace of its
Jacobian, $1 - \sum p^2$, which by SM-2 is the scale of the gradient that gets through.
*)
let widths = [ 4; 16; 64; 256; 1024 ]

let scoresOf (stream: RandomStream) width count =
    Array.init count (fun _ ->
        let mutable sum = 0.0

        for _ in 1..width do
            sum <- sum + stream.NextNormal() * stream.NextNormal()

        sum)

let spread stream width = Statistics.StandardDeviation(scoresOf stream width 2000)

let passedGradient stream width (scale: float) =
    Array.init 200 (fun _ -> vector (scoresOf stream width 10) * scale |> softmax)
    |> Array.averageBy (fun p -> 1.0 - p.DotProduct p)

let exponentOf seed =
    let stream = RandomStream(seed).Split("footnote 4")

    let logs =
        Array.ofList widths
        |> Array.map (fun width -> log (float width), log (spread stream width))

    let struct (_, slope) = MathNet.Numerics.Fit.Line(Array.map fst logs, Array.map snd logs)
    slope

let footnoteSeeds = [ for i in 0UL .. 4UL -> page.Seed + i ]

let exponents, footnoteSeconds =
    timed (fun () -> [ for seed in footnoteSeeds -> seed, exponentOf seed ])

settle variance exponents footnoteSeconds
(*** include-output ***)
let footnoteStream = RandomStream(page.Seed).Split("gradient through softmax")

[
    Chart.Line(
        x = widths,
        y = [ for d in widths -> passedGradient footnoteStream d 1.0 ],
        Name = "unscaled",
        LineColor = Palette.red,
        ShowMarkers = true
    )
    Chart.Line(
        x = widths,
        y = [ for d in widths -> passedGradient footnoteStream d (1.0 / sqrt (float d)) ],
        Name = "divided by √d_k",
        LineColor = Palette.blue,
        ShowMarkers = true
    )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "d_k", AxisType = StyleParam.AxisType.Log)
|> Chart.withYAxisStyle (
    TitleText = "trace of the softmax Jacobian, 1 − Σp²",
    MinMax = (0.0, 1.0)
)
|> figure
    "softmax-gradient"
    "Gradient that passes a softmax over ten random scores: without the division it dies as heads grow wider, with it it stays level."
(*** include-it-raw ***)
(**
## Experiment: from spelling to sound

### The data

[CMUdict](https://github.com/cmusphinx/cmudict) gives the pronunciation of English words in 39 phonemes. We drop the
stress marks, as published work on this task does. The split is by a hash of the word, so that all pronunciations of a word lie in
one part. A word counts as right if it equals any accepted pronunciation.
*)
let trainWords, validWords, allTestWords =
    Pronunciations.words "train", Pronunciations.words "valid", Pronunciations.words "test"

let letters = Pronunciations.letters
let spellings, sounds = Pronunciations.vocabularies trainWords
let pairsOf = Pronunciations.pairs spellings sounds
let trainPairs, validPairs = pairsOf trainWords, pairsOf validWords

let testWords =
    let shuffled = Array.copy allTestWords
    RandomStream(page.Seed).Split("test words").Shuffle(shuffled.AsSpan())
    Array.take (page.Pick(quick = 200, standard = shuffled.Length)) shuffled

printfn
    $"{trainPairs.Length} pairs to learn from, {validPairs.Length} to watch, {testWords.Length} words to be tested on"

printfn $"{spellings.Count} letters and {sounds.Count} phonemes, with padding, begin and end"

holds
    "no test word is among the training words"
    (Set.intersect (Set.ofSeq (Seq.map fst allTestWords)) (Set.ofSeq (Seq.map fst trainWords))
     |> Set.isEmpty)
(*** include-output ***)
(**
### The model

The paper's architecture at a size that fits the time: 2 layers instead of 6, 128 features instead of 512 (256 in the full run), 4 heads instead of 8.
Normalization stands after the addition, the target embedding is tied to the pre-softmax matrix, attention has no biases: as the
paper has it.
*)
let settingsOf features heads scaled =
    TransformerSettings(
        SourceVocabulary = spellings.Count,
        TargetVocabulary = sounds.Count,
        Features = features,
        Heads = heads,
        EncoderLayers = 2,
        DecoderLayers = 2,
        HiddenFeatures = 4 * features,
        Dropout = 0.1,
        ScaledAttention = scaled,
        MaximumLength = 64
    )

/// The main model, which is larger in the full run.
let settingsIn (page: Page) =
    settingsOf (page.Pick(quick = 128, standard = 128, full = 256)) 4 true

let settings = settingsIn page

let tokenBudget = 512
let smoothing = 0.1

// One tape serves all runs, one after the other, so that its memory is held once.
let tape = Tape<float32>(ChecksFinite = page.ChecksFinite)

/// A fresh model and all that changes while it learns. Everything follows from the settings and the seed.
let learner (settings: TransformerSettings) (seed: uint64) =
    let stream = RandomStream(seed).Split("training")
    let model = Transformer<float32>(settings, stream.Split "model")

    {
        Model = model
        Adam = Adam<float32>.OfTransformer(model.Parameters)
        Batches = BatchStream(trainPairs, tokenBudget, stream.Split "order")
        Dropout = stream.Split "dropout"
    }

/// One step: the loss of a batch, its gradient, and a move of every parameter against it.
let learn (learner: Learner) smoothing number rate =
    let batch = learner.Batches.Next()
    tape.Clear()
    use _ = tape.Training learner.Dropout
    let loss = learner.Model.Loss(tape, batch, smoothing)
    FiniteGuard.ThrowIfNotFinite(number, loss, tape, learner.Model.Parameters)
    learner.Adam.ZeroGradients()
    tape.Backward loss
    FiniteGuard.Step(number, learner.Adam, rate, tape)
    loss, batch.TargetTokens

/// One training run, from its first step to its last.
let train name (settings: TransformerSettings) rate smoothing steps evaluations seed report =
    let learner = learner settings seed

    let plan =
        {
            Name = name
            Seed = seed
            Settings =
                [
                    "model", string settings
                    "smoothing", string<float> smoothing
                    "pairs", string trainPairs.Length
                ]
            Rate = rate
            Steps = steps
            Evaluations = evaluations
            Validation = validPairs
            TokenBudget = tokenBudget
        }

    learner.Model, Sequences.train plan learner tape (learn learner smoothing) report

(**
### Training

Adam with the paper's constants; the schedule LR-1 with a warm-up of 400 steps (in the full run the paper's 4,000), at half the paper's scale, and a straight
fall to 0 over the last quarter. The paper's batches hold about 25,000 tokens on either side, fifty times as many as ours: the gradient of a small batch is noisier, and
smaller steps average over more of them. Batches hold one source length and up to 512 tokens on either side.
*)
let stepsIn (page: Page) = page.Steps(quick = 100, standard = 11000, full = 32000)

let scheduleIn (page: Page) =
    let settings, steps = settingsIn page, stepsIn page
    let longestWarmup = page.Pick(quick = 400, standard = 400, full = 4000)
    let warmup = min longestWarmup (max 1 (steps / 4))
    let scale = 0.5

    fun step ->
        Schedule.Warmup(step, settings.Features, warmup, scale)
        * Schedule.Linear(step, steps, 0.25)

let trainMain (page: Page) =
    let evaluations = page.Pick(quick = 2, standard = 16, full = 40)
    let rate = scheduleIn page
    train "main" (settingsIn page) rate smoothing (stepsIn page) evaluations page.Seed

let steps, schedule = stepsIn page, scheduleIn page
let mainModel, main = Progress.run "training" steps (trainMain page)

printfn
    $"{mainModel.ParameterCount} parameters, {steps} steps in %.0f{main.Seconds} s: %.0f{main.TokensPerSecond} target tokens a second"

let _, finalLoss, finalAccuracy = Array.last main.Validation

printfn
    $"validation: %.3f{finalLoss} nats a token, perplexity %.2f{exp finalLoss}, %.1f{100.0 * finalAccuracy} %% of tokens right when the truth so far is given"
(*** include-output ***)
(**
With `--save FILE` the trained model becomes a file of its weights, settings and vocabularies, for
[other programs](leaving-the-nest.html) and for the same model in PyTorch's engine, `scripts/torch/transformer.fsx`.
*)
for file in Option.toList page.SaveTo do
    let tokens =
        readOnlyDict [ "sourceTokens", spellings.Tokens; "targetTokens", sounds.Tokens ]

    reading (fun () -> ModelFile.Save(file, mainModel, tokens))
    printfn $"saved: {file}"

let meansOf size (points: (int * float)[]) =
    points
    |> Array.chunkBySize size
    |> Array.map (fun chunk -> float (fst (Array.last chunk)), Array.averageBy snd chunk)

// What smoothed targets cost even a perfect model: their own entropy.
let smoothingFloor =
    let others = smoothing / float sounds.Count
    let target = 1.0 - smoothing + others
    -target * log target - float (sounds.Count - 1) * others * log others

let smoothed = meansOf (max 1 (steps / 150)) main.Training

[
    Chart.Line(
        x = Array.map fst smoothed,
        y = Array.map snd smoothed,
        Name = "training (smoothed targets, dropout)",
        LineColor = Palette.grey
    )
    Chart.Line(
        x = [ for step, _, _ in main.Validation -> float step ],
        y = [ for _, loss, _ in main.Validation -> loss ],
        Name = "validation (plain)",
        LineColor = Palette.blue,
        ShowMarkers = true
    )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "loss, nats a token")
|> figure
    "loss"
    $"Training and validation loss. Training stays above validation: its targets are smoothed, which costs even a perfect model %.2f{smoothingFloor} nats, and units are dropped."
(*** include-it-raw ***)
let rates = [ 1 .. max 1 (steps / 400) .. steps ]
let paperSchedule step = Schedule.Warmup(step, settings.Features, 4000)

[
    Chart.Line(
        x = rates,
        y = [ for step in rates -> schedule step ],
        Name = "ours",
        LineColor = Palette.blue
    )
    Chart.Line(
        x = rates,
        y = [ for step in rates -> paperSchedule step ],
        Name = "the paper's, at our width",
        LineColor = Palette.orange
    )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "learning rate")
|> figure
    "schedule"
    "The learning rate of this run, and what equation 3 of the paper gives at our width, with a warm-up of 4,000 steps."
(*** include-it-raw ***)
(**
### What it costs

Table 2 of the paper prices its models by an estimate: hours times graphics cards times what a card can do in single precision (9.5 · 10¹² operations a second for a P100; section 5.2
and its footnote). Ours we count: a parameter takes part in two operations a token going forward and four going back, and a parameter of the encoder sees
the source tokens, one of the decoder the target tokens, of which there are about as many.
*)
let cardOperations (hours: float) cards = hours * 3600.0 * cards * 9.5e12

let operations (count: float) =
    count.ToString("0.0e+0", Globalization.CultureInfo.InvariantCulture)

let targetTokens = main.TokensPerSecond * main.Seconds
let ourOperations = 6.0 * float mainModel.ParameterCount * targetTokens

table
    [ "model"; "steps"; "time"; "operations" ]
    [
        [ "paper, base"; "100,000"; "12 hours on 8 P100"; operations (cardOperations 12.0 8.0) ]
        [ "paper, big"; "300,000"; "3.5 days on 8 P100"; operations (cardOperations 84.0 8.0) ]
        [
            "ours"
            string steps
            $"%.0f{main.Seconds} s on {Environment.ProcessorCount} cores"
            operations ourOperations
        ]
    ]
(*** include-it-raw ***)
// Table 2 has 3.3e18 and 2.3e19.
check "operations of the paper's base model" (cardOperations 12.0 8.0 / 3.3e18 - 1.0) 0.02
check "operations of the paper's big model" (cardOperations 84.0 8.0 / 2.3e19 - 1.0) 0.02

check
    "the paper's rate is highest at the last step of the warm-up"
    (paperSchedule 4000 * sqrt (4000.0 * float settings.Features) - 1.0)
    1e-12

holds
    "and lower one step before and after"
    (paperSchedule 3999 < paperSchedule 4000 && paperSchedule 4001 < paperSchedule 4000)

printfn
    $"{operations (ourOperations / main.Seconds)} operations a second; the paper's base model took {operations (cardOperations 12.0 8.0 / ourOperations)} times as many in all"
(*** include-output ***)
(**
### A baseline

A table learned from the words that have as many phonemes as letters, read side by side: the commonest phoneme of a letter between its
two neighbours, or of the letter alone where these three never met.
*)
let commonest keyOf =
    seq {
        for word, pronunciations in trainWords do
            for pronunciation in pronunciations do
                if pronunciation.Length = word.Length then
                    for i in 0 .. word.Length - 1 do
                        keyOf $"^{word}$" (i + 1), pronunciation[i]
    }
    |> Seq.groupBy fst
    |> Seq.map (fun (key, entries) -> key, entries |> Seq.countBy snd |> Seq.maxBy snd |> fst)
    |> dict

let byNeighbours, byLetter =
    commonest (fun word i -> word.Substring(i - 1, 3)),
    commonest (fun word i -> word.Substring(i, 1))

let baseline (word: string) =
    [|
        for i in 1 .. word.Length do
            let framed = $"^{word}$"

            match
                byNeighbours.TryGetValue(framed.Substring(i - 1, 3)),
                byLetter.TryGetValue(framed.Substring(i, 1))
            with
            | (true, sound), _
            | _, (true, sound) -> sound
            | _ -> ()
    |]

(**
### Averaged checkpoints

The paper does not test the model as the last step left it: it takes the mean of the last five checkpoints (section 6.1), ten minutes
apart in a run of twelve hours. Steps go to and fro across the bottom of a valley; the mean of several moments lies nearer to its
middle. Ours are the last five moments of evaluation. The rate of this run falls to 0 at its end, which calms the steps by itself, so the
mean has less left to gain than in the paper, whose rate does not. The one with the lower validation loss goes on to the test.
*)
main.Average.Exchange()
let averageLoss, averageAccuracy = Sequences.evaluate tape tokenBudget mainModel validPairs

if averageLoss >= finalLoss then
    main.Average.Exchange()

table
    [ ""; "validation loss, nats a token"; "accuracy, %" ]
    [
        [ "the last step"; $"%.4f{finalLoss}"; $"%.2f{100.0 * finalAccuracy}" ]
        [
            $"the mean of {main.Average.Count} moments"
            $"%.4f{averageLoss}"
            $"%.2f{100.0 * averageAccuracy}"
        ]
    ]
(*** include-it-raw ***)
settle averaging [ (page.Seed, averageLoss - finalLoss) ] main.Seconds
(*** include-output ***)
(**
### Decoding

*Greedy* decoding says the likeliest phoneme at each step, until the model says *end*. It never takes back what it has said, and the
likeliest start need not belong to the likeliest whole. *Beam search* keeps several unfinished answers, four in the paper, and
continues all of them at each step. Longer answers are products of more factors, so their probability is smaller; to compare them
fairly, log-probabilities are divided by $((5 + n)/6)^\alpha$ for an answer of $n$ tokens, $\alpha = 0.6$ (Wu et al. 2016, equation 14).
An answer may be 50 tokens longer than its source. A source is done when four answers have ended, or when none that is
open can still win: a log-probability only falls, so an open answer scores at most its own, divided by the largest penalty.
*)
(*** hide ***)
csharp "Generation/BeamSearch.cs" "Advance"
(*** include-it-raw ***)
(**
Both read each token once. What a decoder computes for a token, its keys and values in every layer, does not depend on later
tokens (that is what the causal mask is for), so it can be kept: the *key-value cache*. Without it, step $n$ reads $n$ tokens anew.
The check below compares both ways.
*)
let extraLength = 50

/// Greedy decoding that reads everything anew at each step.
let readAnew (model: Transformer<float32>) (sources: int[][]) =
    let source = TokenBatch sources
    let said = sources |> Array.map (fun _ -> ResizeArray [ Vocabulary.Begin ])
    tape.Clear()
    use _ = tape.Inference()
    let memory = model.Encode(tape, source).Value.ToPersistent()
    let isOpen (answer: ResizeArray<int>) = not (answer.Contains Vocabulary.End)
    let limit = min settings.MaximumLength (sources[0].Length + extraLength)

    while Array.exists isOpen said && said[0].Count <= limit do
        tape.Clear()
        let target = TokenBatch(said |> Array.map _.ToArray())

        let logits = model.Decode(tape.Constant memory, source, target).Value
        let scores = Array.chunkBySize logits.Shape.Columns (logits.ToArray())

        for i in 0 .. said.Length - 1 do
            let last = scores[(i + 1) * target.Shape[1] - 1]
            // Padding and begin are never said.
            let best =
                seq { Vocabulary.End .. last.Length - 1 } |> Seq.maxBy (fun id -> last[id])

            said[i].Add best

    said
    |> Array.map (fun answer ->
        answer |> Seq.skip 1 |> Seq.takeWhile ((<>) Vocabulary.End) |> Array.ofSeq)

let greedy (model: Transformer<float32>) (sources: int[][]) =
    let limit = min settings.MaximumLength (sources[0].Length + extraLength)
    GreedyDecoder.Decode(model, tape, sources, limit)

let beam width (model: Transformer<float32>) (sources: int[][]) =
    BeamSearch.Decode(
        model,
        tape,
        sources,
        BeamSettings(Width = width, ExtraLength = extraLength)
    )
    |> Array.map (fun answers -> (Array.head answers).Tokens)

/// Sources of one length at a time, up to 64 of them.
let inBatches (entries: (string * string[][])[]) =
    entries
    |> Array.groupBy (fun (word, _) -> word.Length)
    |> Array.collect (snd >> Array.chunkBySize 64)

let pronounce decode model entries =
    inBatches entries
    |> Array.collect (fun chunk ->
        let sources = chunk |> Array.map (fun (word, _) -> spellings.Encode(letters word))

        Array.map2
            (fun (word, _) answer -> word, sounds.Decode answer)
            chunk
            (decode model sources))
    |> dict

let someWords =
    Array.truncate (page.Pick(quick = 100, standard = 1000, full = 1000)) testWords

let anew, anewSeconds = timed (fun () -> pronounce readAnew mainModel someWords)
let kept, keptSeconds = timed (fun () -> pronounce greedy mainModel someWords)
let beamOfOne = pronounce (beam 1) mainModel someWords

let share (other: IDictionary<string, string[]>) =
    someWords
    |> Array.filter (fun (word, _) -> kept[word] <> other[word])
    |> fun differing -> float differing.Length / float someWords.Length

printfn
    $"{someWords.Length} words: %.2f{anewSeconds} s reading anew, %.2f{keptSeconds} s with the cache, %.1f{anewSeconds / keptSeconds} times as fast"

// Both add the same numbers in another order: two scores that are equal to seven digits may change places.
check "share of answers that the cache changes" (share anew) 0.002

check
    "share of answers in which a beam of 1 differs from greedy decoding"
    (share beamOfOne)
    0.002
(*** include-output ***)
(**
### The test

The phoneme error rate is the edit distance to the nearest accepted pronunciation, over that pronunciation's length, summed over all
words; a word is wrong if any of its phonemes is.
*)
let errorRates (entries: (string * string[][])[]) (answer: string -> string[]) =
    let scores =
        [|
            for word, accepted in entries ->
                let said = answer word

                let distance (truth: string[]) =
                    EditDistance.Between(ReadOnlySpan said, ReadOnlySpan truth)

                let nearest = accepted |> Array.minBy distance
                distance nearest, nearest.Length
        |]

    let phonemeErrors = 100.0 * float (Array.sumBy fst scores) / float (Array.sumBy snd scores)

    let wordErrors =
        100.0
        * float (scores |> Array.filter (fun (distance, _) -> distance > 0) |> Array.length)
        / float scores.Length

    phonemeErrors, wordErrors

let greedyAnswers, greedySeconds = timed (fun () -> pronounce greedy mainModel testWords)
let answers, beamSeconds = timed (fun () -> pronounce (beam 4) mainModel testWords)

let greedyPhonemeErrors, greedyWordErrors =
    errorRates testWords (fun word -> greedyAnswers[word])

let phonemeErrors, wordErrors = errorRates testWords (fun word -> answers[word])

let (baselinePhonemeErrors, baselineWordErrors), baselineSeconds =
    timed (fun () -> errorRates testWords baseline)

let row name phonemes words (seconds: float) =
    [ name; $"%.2f{phonemes} %%"; $"%.2f{words} %%"; $"%.1f{seconds}" ]

table
    [ $"{testWords.Length} test words"; "phoneme error rate"; "word error rate"; "seconds" ]
    [
        row "Transformer, beam of 4" phonemeErrors wordErrors beamSeconds
        row "Transformer, greedy" greedyPhonemeErrors greedyWordErrors greedySeconds
        row "baseline" baselinePhonemeErrors baselineWordErrors baselineSeconds
    ]
(*** include-it-raw ***)
settle phonemes [ (page.Seed, phonemeErrors) ] main.Seconds
settle wholeWords [ (page.Seed, wordErrors) ] main.Seconds
settle searching [ (page.Seed, greedyWordErrors - wordErrors) ] (greedySeconds + beamSeconds)
(*** include-output ***)
(** Twenty test words, drawn at random: *)
table
    [ "word"; "said"; "accepted"; "" ]
    [
        for word, accepted in Array.truncate 20 testWords ->
            let said = String.Join(' ', answers[word])
            let truths = accepted |> Array.map (fun truth -> String.Join(' ', truth))

            [
                word
                said
                String.Join(" or ", truths)
                (if Array.contains said truths then "right" else "wrong")
            ]
    ]
(*** include-it-raw ***)
(**
### Teacher-forced and free-running

While it trains, the decoder reads the truth so far; in use it reads what it has said itself, mistakes included. The share of phonemes (and ends) said right
at their place, both ways, on the validation words:
*)
// One pronunciation a word, the same for both figures.
let known = validWords |> Array.map (fun (word, accepted) -> word, Array.truncate 1 accepted)

let _, teacherForced = Sequences.evaluate tape tokenBudget mainModel (pairsOf known)

let freeRunning =
    let answers = pronounce greedy mainModel known

    Sequences.rightInPlace
        [|
            for word, accepted in known ->
                sounds.Encode accepted[0], sounds.Encode answers[word]
        |]

table
    [ "decoder reads"; "phonemes right, %" ]
    [
        [ "the truth so far"; $"%.1f{100.0 * teacherForced}" ]
        [ "what it has said itself"; $"%.1f{100.0 * freeRunning}" ]
    ]
(*** include-it-raw ***)
(**
The second is harsher in another way too: one phoneme more or less shifts all that follow, which the phoneme error rate above forgives.

### What the heads look at

One word, the decoder given its pronunciation. Each row is a phoneme about to be said, each column what it may look at. Choose the
layer and the head. In the attention from decoder to encoder you will usually find a head that walks along the word: nobody told it
that spelling and sound run in parallel.
*)
let shownWord, shownSounds =
    testWords
    |> Array.find (fun (word, accepted) -> word.Length >= 8 && accepted[0].Length >= 7)

let maps =
    SequencePair(spellings.Encode(letters shownWord), sounds.Encode shownSounds[0])
    |> AttentionMaps.collect tape mainModel

holds
    "every row of every attention map sums to 1"
    (maps
     |> List.forall (fun (_, map) ->
         map.ToArray()
         |> Array.chunkBySize map.Shape.Columns
         |> Array.forall (fun row -> abs (Array.sum row - 1.0f) < 1e-5f)))

AttentionMaps.chart maps (letters shownWord) shownSounds[0]
|> figure
    "attention"
    $"Attention weights for the word “{shownWord}”, for each layer and head of the encoder (self), the decoder (self, causal) and from decoder to encoder (cross)."
(*** include-it-raw ***)
(**
The paper draws such weights as lines between the words of a sentence, the stronger the darker: in its figure 3 heads of layer 5 of 6 join the distant parts of a phrase, in figure 4 they lead from a pronoun
to what it stands for, and in figure 5 they follow the structure of the sentence.

### The positions

Each row is a position, each column a feature. On the left the fast ones, which tell neighbours apart; on the right the slow ones.
*)
let positions =
    SinusoidalPositions.Table<float32>(48, settings.Features).ToArray()
    |> Array.chunkBySize settings.Features

Chart.Heatmap(
    zData = positions,
    ColorScale = StyleParam.Colorscale.Viridis,
    ReverseYAxis = true
)
|> Chart.withXAxisStyle (TitleText = "feature")
|> Chart.withYAxisStyle (TitleText = "position")
|> figure "positions" "The sinusoidal positional encoding for 48 positions and 128 features."
(*** include-it-raw ***)
let turned k pos =
    let table = SinusoidalPositions.Table<float>(64, 16).ToArray() |> Array.chunkBySize 16

    Array.init 16 (fun j ->
        let angle = float k / 10000.0 ** (2.0 * float (j / 2) / 16.0)
        let sine, cosine = table[pos][j / 2 * 2], table[pos][j / 2 * 2 + 1]

        if j % 2 = 0 then
            sine * cos angle + cosine * sin angle
        else
            cosine * cos angle - sine * sin angle)
    |> Array.map2 (fun expected actual -> abs (expected - actual)) table[pos + k]
    |> Array.max

check
    "PE(pos + k) is PE(pos) turned by angles that depend on k alone"
    (List.max
        [
            for k in 1..20 do
                for pos in 0..40 -> turned k pos
        ])
    1e-12
(*** include-output ***)
(**
## Break it

Short runs from scratch, several seeds, one thing changed in each. Heads are as wide as the model here (one head, $d_k$ = 128), because
the paper makes its statement on scaling for large $d_k$. Choose a run in the plot.
*)
let breakSteps, breakSeeds, breakEvaluations =
    page.Pick(quick = (8, 2, 2), standard = (300, 3, 6), full = (600, 5, 6))

let wide = settingsOf 128 1 true
let breakWarmup = max 1 (breakSteps / 4)

let risingRate step =
    Schedule.Warmup(step, wide.Features, breakWarmup, 0.25)
    * Schedule.Linear(step, breakSteps, 0.25)

// The same curve, but at its peak from the first step on.
let peakRate step = risingRate (max step breakWarmup)

let variants =
    [
        "as above", wide, risingRate, smoothing
        "without √d_k", settingsOf 128 1 false, risingRate, smoothing
        "without warm-up", wide, peakRate, smoothing
        "without label smoothing", wide, risingRate, 0.0
    ]

let seedsOfRuns = [ for i in 0 .. breakSeeds - 1 -> page.Seed + uint64 i ]

let runsOf =
    Progress.run "break it" (variants.Length * breakSeeds * breakSteps) (fun report ->
        [
            for i, (name, settings, rate, smoothing) in List.indexed variants do
                name,
                [
                    for j, seed in List.indexed seedsOfRuns do
                        let before = (i * breakSeeds + j) * breakSteps

                        train
                            $"break-it-{i}-seed-{seed}"
                            settings
                            rate
                            smoothing
                            breakSteps
                            breakEvaluations
                            seed
                            (fun step told ->
                                report (before + step) $"{name}, seed {seed}: {told}")
                        |> snd
                ]
        ])
    |> dict
(*** include-output ***)
let lossOf (history: History) = let _, loss, _ = Array.last history.Validation in loss

let accuracyOf (history: History) =
    let _, _, accuracy = Array.last history.Validation in accuracy

let meanOf f name = runsOf[name] |> List.averageBy f

table
    [ "run"; "validation loss, nats a token"; "perplexity"; "accuracy, %" ]
    [
        for name, _, _, _ in variants ->
            [
                name
                $"%.3f{meanOf lossOf name}"
                $"%.3f{meanOf (lossOf >> exp) name}"
                $"%.2f{100.0 * meanOf accuracyOf name}"
            ]
    ]
(*** include-it-raw ***)
let compare other measure =
    List.zip seedsOfRuns (List.map2 measure runsOf["as above"] runsOf[other])

let secondsOf names = names |> List.sumBy (fun name -> runsOf[name] |> List.sumBy _.Seconds)

settle
    scaling
    (compare "without √d_k" (fun whole broken -> lossOf broken - lossOf whole))
    (secondsOf [ "as above"; "without √d_k" ])

settle
    perplexity
    (compare "without label smoothing" (fun whole broken -> exp (lossOf whole - lossOf broken)))
    (secondsOf [ "as above"; "without label smoothing" ])
(*** include-output ***)
let curves name colour =
    [
        for i, history in List.indexed runsOf[name] ->
            Chart.Line(
                x = [ for step, _, _ in history.Validation -> step ],
                y = [ for _, loss, _ in history.Validation -> loss ],
                Name = $"{name}, seed {seedsOfRuns[i]}",
                LineColor = colour
            )
    ]

[
    for name, _, _, _ in List.tail variants ->
        name, Chart.combine (curves "as above" Palette.blue @ curves name Palette.red)
]
|> selector
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "validation loss, nats a token")
|> figure
    "break-it"
    "Validation loss of short runs, solid as in the paper, dashed with one part removed; a line for each seed."
(*** include-it-raw ***)
(**
## The full run

What `-- --full` made of the claims when it was last run: 256 features instead of 128, 32,000 steps, the paper's own warm-up, longer short runs with five seeds. The thresholds on errors are
the stricter ones.
*)
(*** hide ***)
/// A moment of the training in which the model was looked at.
type Moment = { Step: int; Loss: float; Accuracy: float }

/// What is repeated to see whether the figures still stand.
let beginnings = [ ("main", fun full -> snd (trainMain full (fun _ _ -> ()))) ]

if Results.areToBeKept page then
    Results.keep
        page
        fingerprint
        beginnings
        main.Seconds
        [|
            for step, loss, accuracy in main.Validation ->
                { Step = step; Loss = loss; Accuracy = accuracy }
        |]

let stored = Results.kept<Moment> page fingerprint beginnings
Results.tell stored
(*** include-output ***)
Results.claims stored
(*** include-it-raw ***)
[
    "this run", [ for step, loss, _ in main.Validation -> step, loss ], Palette.blue
    match stored with
    | Some kept ->
        "full run", [ for moment in kept.Rows -> moment.Step, moment.Loss ], Palette.orange
    | None -> ()
]
|> List.map (fun (name, points, colour) ->
    Chart.Line(
        x = List.map fst points,
        y = List.map snd points,
        Name = name,
        LineColor = colour,
        ShowMarkers = true
    ))
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "step", AxisType = StyleParam.AxisType.Log)
|> Chart.withYAxisStyle (TitleText = "validation loss, nats a token")
|> figure "full-run" "Validation loss of this run and of the last full run, over the steps."
(*** include-it-raw ***)
(**
## Where each part of the paper is

| section | part | code | check |
|:--|:--|:--|:--|
| 3.1 | stacks, residual connections, norm last or first | `Models/Transformer/TransformerBlock.cs` | gradient of the whole model; PyTorch, every combination; [what breaks without](variations.html) |
| 3.1 | decoder masks, outputs offset by one | `Rules/Sequences/AttentionMask.cs`, `Text/PairBatch.cs` | no position depends on a later one; exercise 3 |
| 3.2.1 | scaled dot product, footnote 4 | `Rules/Sequences/Attention.cs` | longhand, central differences, [the exponent](#Why-d_k), [without it](#Break-it) |
| 3.2.2, 3.2.3 | heads, and their three uses | `Layers/MultiHeadAttention.cs` | a loop over the heads; PyTorch; a query that sees nothing |
| 3.3 | feed-forward layer | `Layers/FeedForward.cs`, `Rules/Linear/LinearRelu.cs` | the same map at every position (a convolution of width 1), in the tests |
| 3.4 | shared tables | `Models/Transformer/Transformer.cs` | the gradient is the sum of all uses, in the tests; [translation](translation.html) |
| 3.5 | positions, sines or learned | `Layers/SinusoidalPositions.cs`, `Layers/Embedding.cs` | [turned by angles](#The-positions); [row E](variations.html) |
| 4, table 1 | cost of a layer | | [counted and timed](variations.html#Table-1-what-a-layer-costs) |
| 5.1 | subwords, batches by length | `Text/BytePairEncoding.cs`, `Text/LengthBuckets.cs` | [merges longhand, padding](translation.html); GPT-2's ids, in the tests |
| 5.2, table 2 | hardware, training cost | | [priced and counted](#What-it-costs) |
| 5.3 | Adam, warm-up | `Optimizers/Adam.cs`, `Optimizers/Schedule.cs` | longhand, PyTorch; [without warm-up](variations.html) |
| 5.4 | dropout, label smoothing | `Rules/Functions/Dropout.cs`, `Rules/Losses/CrossEntropy.cs` | longhand; [row D](variations.html) |
| 6.1 | averaged checkpoints | `Optimizers/ParameterAverage.cs` | [ledger](#Averaged-checkpoints) |
| 6.1 | beam search, length penalty | `Generation/BeamSearch.cs` | a beam of 1 is greedy, a full one is brute force; [ledger](#The-test) |
| 6.1, table 2 | BLEU | `Text/Bleu.cs` | [longhand](translation.html); Papineni's examples, in the tests |
| 6.2, table 3 | variations | | [all rows, three seeds](variations.html) |
| 6.3, table 4 | parsing | | [a made-up language](variations.html#Another-task-parsing) |
| not in it | clipping, starting weights | `Optimizers/GradientClipping.cs`, `Layers/Initialization.cs` | [norms by hand](variations.html#Gradient-clipping); variances, in the tests |
| not in it | one batch by heart, loss at the start beside ln V | | [here](variations.html#Can-it-learn-at-all-One-batch-by-heart) |
| not in it | greedy decoding, key-value cache, free running | `Generation/GreedyDecoder.cs`, `Layers/KeyValueCache.cs` | [equal answers](#Decoding); [shares](#Teacher-forced-and-free-running) |
| appendix | attention pictures | `Tape.Find` in `Autodiff/Tape.cs` | [here](#What-the-heads-look-at) and for [translation](translation.html#What-the-heads-look-at) |

## Paper says, we did

| the paper says | we did | why |
|:--|:--|:--|
| WMT 2014, 4.5 M sentence pairs, BLEU | CMUdict, 119 k pronunciations, phoneme and word error rate | real sequences, learned in minutes without a graphics card |
| 6 + 6 layers, 512 features, 8 heads, 65 M parameters | 2 + 2 layers, 128 features (full run: 256), 4 heads, 0.93 M | time |
| norm after the addition | the same; norm first is a switch | the published program of the authors normalizes first, the text does not |
| attention projections without biases | the same; biases are a switch | equations of section 3.2.2 |
| one embedding shared by source, target and softmax | target and softmax share, the source has its own | letters and phonemes are different alphabets |
| embeddings times √d_model | the same, with starting values of variance 1/d_model | the paper gives no starting values; so the product has variance 1 |
| warm-up of 4,000 steps, no final decay | 400 steps (full run: 4,000) at half the scale, the last quarter falls to 0 | in the default run the paper's warm-up would be a third of all steps; small batches are noisy |
| batches of 25,000 tokens a side | 512 tokens a side, one source length a batch | many small steps learn most from a short run |
| dropout 0.1 on each sublayer and on the sums of embedding and position | the same | section 5.4; none on attention weights, which only the program has |
| beam search of 4, α = 0.6, at most 50 tokens more than the source | the same | section 6.1 |
| the mean of the last 5 checkpoints, 10 minutes apart | the mean of the last 5 evaluations, if its validation loss is lower | the final fall of our rate may already do its work |

**Errata.** The abstract in the proceedings gives 41.0 BLEU for English to French, later versions on arXiv give 41.8. Figure 1 and
section 3.1 put the normalization after the addition, the authors' released program before the sublayer.

## Exercises

**1. Write a pullback.** RMSNorm drops the mean from layer normalization: $y = x / r$ with $r = \sqrt{\operatorname{mean}(x^2) + \varepsilon}$.
Derive $dx$ from $dy$ as was done for LN-8, put it into `rmsNormPullback`, and run the page again: its output turns to *solved*.
*)
let rms (x: float[]) = sqrt (Array.averageBy (fun value -> value * value) x + 1e-6)

/// Yours to write: the gradient dx of one row, from x and dy.
let rmsNormPullback (x: float[]) (dy: float[]) : float[] = Array.map (fun _ -> 0.0) x

/// Makes a rule of a pullback, and returns its worst error against central differences.
let errorOfPullback (pullback: float[] -> float[] -> float[]) =
    let rule (tape: Tape<float>) (inputs: Variable<float>[]) =
        let x = inputs[0].Value.ToArray()

        let y =
            Tensor<float>
                .From(Shape x.Length, ReadOnlySpan(x |> Array.map (fun value -> value / rms x)))

        let back =
            Pullback<float>(fun dy gradients ->
                if gradients.Wants 0 then
                    let slot = gradients.Slot(0).Span

                    for i, value in Array.indexed (pullback x (dy.ToArray())) do
                        slot[i] <- slot[i] + value)

        tape.Record("rms norm", struct (y, back), inputs)

    GradCheck.Worst(
        GradCheck.Run(rule, [| Tensor.ofVector ((normalMatrix 1 6).Row 0) |], [||], random)
    )

let exercise = errorOfPullback rmsNormPullback

printfn
    "exercise 1: %s"
    (if exercise < 1e-6 then "solved" else $"still open, error %.1e{exercise}")
(*** include-output ***)
(*** hide ***)
let rmsNormSolution (x: float[]) (dy: float[]) =
    let r = rms x
    let along = Array.map2 (*) dy x |> Array.average
    Array.map2 (fun x dy -> (dy - x * along / (r * r)) / r) x dy

check "the solution of exercise 1" (errorOfPullback rmsNormSolution) 1e-6
(**
<details><summary>Solution</summary>

$\partial r / \partial x_k = x_k / (n r)$, so $\partial y_j / \partial x_k = \frac{1}{r}(\delta_{jk} - x_j x_k / (n r^2))$ and
$dx = \frac{1}{r}\bigl(dy - x\,\operatorname{mean}(dy \odot x) / r^2\bigr)$: LN-8 with one of its two directions left out.

</details>

**2. Write the pullback of softmax**, from the value $p$ and its cotangent $dp$ to $ds$ (SM-2, where it is $dx$), for one row.
*)
/// Yours to write.
let softmaxPullback (p: float[]) (dp: float[]) : float[] = Array.map (fun _ -> 0.0) p

let errorOfSoftmax (pullback: float[] -> float[] -> float[]) =
    let s, dp = normalMatrix 1 5, normalMatrix 1 5

    let value, gradients =
        runRule (fun _ x -> x[0].Softmax()) [ asTensor [ 1; 5 ] s ] (asTensor [ 1; 5 ] dp)

    Array.map2
        (fun a b -> abs (a - b))
        (pullback (value.ToArray()) (dp.Row(0).ToArray()))
        ((List.head gradients: Tensor<float>).ToArray())
    |> Array.max

printfn
    "exercise 2: %s"
    (if errorOfSoftmax softmaxPullback < 1e-12 then "solved" else "still open")
(*** include-output ***)
(*** hide ***)
let softmaxSolution (p: float[]) (dp: float[]) =
    let along = Array.map2 (*) p dp |> Array.sum
    Array.map2 (fun p dp -> p * (dp - along)) p dp

check "the solution of exercise 2" (errorOfSoftmax softmaxSolution) 1e-12
(**
<details><summary>Solution</summary>

`let along = Array.sum (Array.map2 (fun p dp -> p * dp) p dp) in Array.map2 (fun p dp -> p * (dp - along)) p dp`

</details>

**3. Write the causal mask**: which keys $j$ may query $i$ see? Both count from 0.
*)
/// Yours to write.
let mayLook (i: int) (j: int) : bool = true

let errorOfMask (sees: int -> int -> bool) =
    let x = asTensor [ 1; 5; 4 ] (normalMatrix 5 4)

    let struct (_, weights, _) =
        Attention.Forward(1, 0.5, AttentionMask.Causal, x, x, x, Arena<float>())

    let weights = weights.ToArray()

    List.length
        [
            for i in 0..4 do
                for j in 0..4 do
                    if sees i j <> (weights[5 * i + j] > 0.0) then
                        i, j
        ]

printfn
    "exercise 3: %s"
    (if errorOfMask mayLook = 0 then
         "solved"
     else
         $"still open, {errorOfMask mayLook} of 25 wrong")
(*** include-output ***)
(*** hide ***)
holds "the solution of exercise 3" (errorOfMask (fun i j -> j <= i) = 0)
(**
<details><summary>Solution</summary>

`j <= i`. A query sees its own position, because the decoder's input is offset by one: at position $i$ it reads what was said before.

</details>

**4. Find the bug.** A colleague's layer normalization trains, but badly. Its forward pass is right; its gradient differs from central differences. One line of the pullback is wrong: which?
*)
let suspectPullback (x: float[]) (gain: float[]) (dy: float[]) =
    let n = float x.Length
    let mean = Array.average x
    let std = sqrt (Array.averageBy (fun value -> (value - mean) ** 2.0) x + 1e-5)
    let normalized = x |> Array.map (fun value -> (value - mean) / std)
    let dNormalized = Array.map2 (*) dy gain
    let average = Array.sum dNormalized / n
    let along = Array.sum (Array.map2 (*) dNormalized x) / n
    Array.map2 (fun d xhat -> (d - average - xhat * along) / std) dNormalized normalized

/// The worst difference from the core's pullback.
let errorOfNorm (pullback: float[] -> float[] -> float[] -> float[]) =
    let x, gain, bias, dy =
        normalMatrix 1 6, normalMatrix 1 6, normalMatrix 1 6, normalMatrix 1 6

    let row (m: Matrix<float>) = m.Row(0).ToArray()

    let _, gradients =
        runRule
            (fun _ v -> v[0].LayerNorm(v[1], v[2], 1e-5))
            [ asTensor [ 1; 6 ] x; asTensor [ 6 ] gain; asTensor [ 6 ] bias ]
            (asTensor [ 1; 6 ] dy)

    Array.map2
        (fun a b -> abs (a - b))
        (pullback (row x) (row gain) (row dy))
        ((List.head gradients: Tensor<float>).ToArray())
    |> Array.max

printfn
    "exercise 4: %s"
    (if errorOfNorm suspectPullback < 1e-10 then
         "solved"
     else
         $"still open, error %.1e{errorOfNorm suspectPullback}")
(*** include-output ***)
(*** hide ***)
let repairedPullback (x: float[]) (gain: float[]) (dy: float[]) =
    let mean = Array.average x
    let std = sqrt (Array.averageBy (fun value -> (value - mean) ** 2.0) x + 1e-5)
    let normalized = x |> Array.map (fun value -> (value - mean) / std)
    let dNormalized = Array.map2 (*) dy gain
    let average = Array.average dNormalized
    let along = Array.average (Array.map2 (*) dNormalized normalized)
    Array.map2 (fun d xhat -> (d - average - xhat * along) / std) dNormalized normalized

check "the solution of exercise 4" (errorOfNorm repairedPullback) 1e-10
(**
<details><summary>Solution</summary>

`along` must be formed with `normalized`, not with `x` (LN-8). Where the mean is 0 and the deviation 1 the two are equal, so a test on such rows would not have found it.

</details>

**5.** Set the heads to 1, 2, 8 and 16 in `settings`. Does row (A) of the paper's table 3 (too few and too many heads are worse) show at this size? Use
three seeds before you believe it, and compare with [the page on what matters](variations.html).

<details><summary>Hint</summary>

The differences in the paper are below one BLEU point. Expect them to be smaller than the scatter between seeds, and say so.

</details>

**6.** Why may the causal mask hide keys *after* softmax has been computed over all of them, and renormalize, with the same result? Which of the two loses
digits when a hidden score is far above the others?

<details><summary>Solution</summary>

$e^{s_j} / \sum_{k\ \text{seen}} e^{s_k}$ is the same number either way. But if a hidden score sets the maximum, all seen exponentials may round to
0 before they are divided by their sum, 0. The core takes the maximum over the keys that are seen.

</details>

## References

- Vaswani et al. 2017, [Attention Is All You Need](https://arxiv.org/abs/1706.03762).
- Ba, Kiros and Hinton 2016, [Layer Normalization](https://arxiv.org/abs/1607.06450).
- Kingma and Ba 2014, [Adam: A Method for Stochastic Optimization](https://arxiv.org/abs/1412.6980).
- Szegedy et al. 2015, [Rethinking the Inception Architecture](https://arxiv.org/abs/1512.00567), section 7: label smoothing.
- Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
- Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting.
- Wu et al. 2016, [Google's Neural Machine Translation System](https://arxiv.org/abs/1609.08144): the length penalty.
- Yolchuyeva, Németh and Gyires-Tóth 2019, [Transformer based Grapheme-to-Phoneme Conversion](https://arxiv.org/abs/2004.06338): the same task with a larger model.
- The CMU Pronouncing Dictionary, version 0.7b.
*)
(*** hide ***)
finish page
