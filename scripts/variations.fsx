(**
---
title: Attention Is All You Need, what matters
category: Papers
categoryindex: 2
index: 3
description: Table 1 and table 3 of the paper put to the test, heads, widths, depth, dropout, smoothing and positions, each changed alone.
year: 2017
keywords: ablation, number of heads, label smoothing, dropout, learned positions, pre-norm and post-norm, complexity
time: at most 5 minutes
needs: transformer
---
# Attention Is All You Need: what matters

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

- **What you need**: the [page on the model](transformer.html), whose task and model are used here.
- **Time**: at most 5 minutes on two cores (30 seconds with `-- --quick`, less than an hour with `-- --full`); no graphics card, no
  network.
- **Covers** section 3.1 (size of the base model), section 4 with table 1, section 6.2 with table 3, and section 6.3.

## The paper in one paragraph

A model with many parts raises the question which of them matter. The paper answers twice. In table 1 it counts: what does a layer of
self-attention cost beside a recurrent and a convolutional one, and over how many steps must a signal travel? In table 3 it tries: it changes
one thing at a time in the base model, heads, sizes, depth, dropout, label smoothing, positions, and looks at perplexity and BLEU. Differences are
small, mostly below one BLEU point, and each row is one run. Here every row has three seeds and an interval, and rows that the paper does
not have show what it says in passing: that training needs a warm-up, and that each sublayer needs its residual connection.

## The idea, on numbers you can follow

Two models trained from two seeds differ, though nothing was changed. Before a row of a table says anything, that scatter has to be known. Suppose three
seeds of one model end at 0.40, 0.42 and 0.41, and three of another at 0.39, 0.43 and 0.40. The means differ by
0.003; is that a difference?
*)
#load "ensure.fsx"
#load "prelude.fsx"

open System
open System.Diagnostics
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Generation
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Scripts
open Hybrid.Tensors
open Hybrid.Text
open MathNet.Numerics
open MathNet.Numerics.Distributions
open MathNet.Numerics.Statistics
open Plotly.NET

(*** hide ***)
let page =
    Page.start "variations" [ Extra.Full; Extra.Steps; Extra.Resume; Extra.CheckFinite ]

let fingerprint =
    Results.fingerprint [ for part in [ "train"; "valid" ] -> $"cmudict-g2p/{part}.tsv.gz" ]

(**
*)
/// The mean and half the width of its 95 % interval, by Student's t.
let interval (values: float list) =
    let t = StudentT.InvCDF(0.0, 1.0, float (values.Length - 1), 0.975)
    List.average values, t * Statistics.StandardDeviation values / sqrt (float values.Length)

// Both models see the same seeds, so what is compared is the difference of each pair.
let difference, margin = interval (List.map2 (-) [ 0.39; 0.43; 0.40 ] [ 0.40; 0.42; 0.41 ])
printfn $"difference %.4f{difference} ± %.4f{margin}"
(*** include-output ***)
(**
The interval holds zero: three seeds cannot tell. With three of them the margin is 2.5 times their standard deviation; that is what three runs are worth, and the
paper had one.

## Claims, written down before the run

A line for each thing that the paper says or shows about a part, with what will be measured here and which value will count as reproduced. *Worse* is a higher validation loss at the same
number of steps.
*)
let cheaper =
    claim
        {
            Text =
                "Self-attention is faster than a recurrent layer while the sequence is shorter than the width."
            Paper = "section 4, table 1: O(n² d) against O(n d²)"
            Measure =
                "time of self-attention over that of recurrence, at a length of half the width"
            Threshold = "reproduced at most 1, partly at most 2"
            Verdict = atMost 1.0 2.0
        }

let growth =
    claim
        {
            Text =
                "Self-attention grows with the square of the length, recurrence in proportion to it."
            Paper = "table 1"
            Measure =
                "exponent of the time in n, self-attention minus recurrence, at the longest lengths"
            Threshold = "reproduced within 0.25 of 1, partly within 0.5"
            Verdict =
                fun measured ->
                    atMost 0.25 0.5 { measured with Mean = abs (measured.Mean - 1.0) }
        }

/// A claim that the loss is higher by some margin with the change than without it.
let worse text paper reproduced =
    claim
        {
            Text = text
            Paper = paper
            Measure = "validation loss with the change minus without, nats a token"
            Threshold = $"reproduced from +%g{reproduced} on, partly above 0"
            Verdict = atLeast reproduced 1e-9
        }

let singleHead =
    worse
        "A single head is worse than several."
        "table 3, row A: 24.9 BLEU with 1 head, 25.8 with 8"
        0.01

let narrowKeys =
    worse
        "Narrower keys are worse."
        "table 3, row B: 25.1 BLEU with d_k = 16, 25.8 with 64"
        0.01

let shallow =
    worse
        "Bigger models are better: one layer is worse than two."
        "table 3, row C: 23.7 BLEU with 2 layers, 25.8 with 6"
        0.01

let withoutDropout =
    worse
        "Without dropout the model is worse."
        "table 3, row D: 24.6 BLEU without, 25.8 with"
        0.01

let smoothingPerplexity =
    claim
        {
            Text = "Label smoothing hurts perplexity."
            Paper = "section 5.4"
            Measure = "validation perplexity with smoothing of 0.1 divided by that without"
            Threshold = "reproduced from 1.02 on, partly above 1"
            Verdict = atLeast 1.02 1.000001
        }

let smoothingAccuracy =
    claim
        {
            Text = "Label smoothing improves accuracy."
            Paper = "section 5.4; table 3, row D: 25.3 BLEU without, 25.8 with"
            Measure = "accuracy with smoothing of 0.1 minus that without, points"
            Threshold = "reproduced from +0.1 on, partly above 0"
            Verdict = atLeast 0.1 1e-9
        }

let learnedPositions =
    claim
        {
            Text = "Learned positions are as good as sines and cosines."
            Paper =
                "table 3, row E: 25.7 BLEU with learned positions, 25.8 with sines; “nearly identical results”"
            Measure =
                "validation loss with learned positions minus that with sines, nats a token"
            Threshold = "reproduced within 0.02 of 0, partly within 0.05"
            Verdict =
                fun measured -> atMost 0.02 0.05 { measured with Mean = abs measured.Mean }
        }

let warmup =
    claim
        {
            Text =
                "With the norm after the addition training needs the warm-up; with the norm first it needs it less."
            Paper = "section 5.3 has a warm-up; the comparison is Xiong et al. 2020"
            Measure =
                "what leaving out the warm-up costs, norm last minus norm first, nats a token"
            Threshold = "reproduced from +0.02 on, partly above 0"
            Verdict = atLeast 0.02 1e-9
        }

let residual =
    worse
        "Without residual connections the model is worse."
        "section 3.1, stated by the design, no figure"
        0.1

let parsing =
    claim
        {
            Text = "The same model, with nothing made for the task, learns to parse sentences."
            Paper = "table 4: 91.3 F1 on the Wall Street Journal, from 40 thousand sentences"
            Measure = "F1 of labelled brackets on unseen sentences of a made-up language, %"
            Threshold = "reproduced from 91.3 on, partly from 75"
            Verdict = atLeast 91.3 75.0
        }

let longerSentences =
    claim
        {
            Text = "What it has learned holds for sentences longer than it has seen."
            Paper =
                "no figure; recurrence was said to generalize by length, attention has to show it"
            Measure = "F1 on longer sentences than any it learned from, %"
            Threshold = "reproduced from 85 on, partly from 60"
            Verdict = atLeast 85.0 60.0
        }
(*** include-output ***)
(**
## Table 1: what a layer costs

Four ways to turn $n$ vectors of width $d$ into $n$ others, each of which knows of the rest. Operations as the paper counts them:

| layer | operations | sequential steps | longest path |
|:--|:--|:--|:--|
| self-attention | $n^2 d$ | 1 | 1 |
| recurrent | $n d^2$ | $n$ | $n$ |
| convolution of width $k$ | $k n d^2$ | 1 | $\log_k n$ |
| self-attention within $r$ neighbours | $r n d$ | 1 | $n / r$ |

Self-attention does less work than recurrence while $n < d$, and none of it has to wait. We count the multiplications of what we run, and measure it: the core's
attention of 8 heads ([ATT-1 to ATT-3](transformer.html#eq-ATT-1), without its projections, which table 1 leaves out too), a plain recurrent layer
$h_t = \tanh(x_t W + h_{t-1} U)$ (the paper counts the second product only; so do we, and we time that one only), a convolution over $k = 3$ neighbours as one product, and attention within blocks of $r = 16$.
*)
let tape = Tape<float32>(ChecksFinite = page.ChecksFinite)
let stream = RandomStream(page.Seed).Split("table 1")

let random extents =
    let shape = Hybrid.Tensors.Shape(Array.ofList extents)

    Tensor<float32>
        .From(
            shape,
            ReadOnlySpan(
                Array.init shape.Length (fun _ -> float32 (stream.NextNormal()) * 0.1f)
            )
        )

let kernelWidth = 3
let neighbours = 16

/// Each layer for n vectors of width d: its name, the multiplications of the paper's formula, and what to run.
let layersOf n d =
    let x = random [ 1; n; d ]
    let u, w = random [ d; d ], random [ kernelWidth * d; d ]
    let windows = random [ n; kernelWidth * d ]
    let blocks = random [ n / neighbours; neighbours; d ]

    let product (a: Tensor<float32>) b =
        let struct (y, _) = MatMul.Forward(a, b, tape.Arena) in y

    let attend (x: Tensor<float32>) =
        Attention.Forward(
            8,
            1.0 / sqrt (float (d / 8)),
            AttentionMask.None,
            x,
            x,
            x,
            tape.Arena
        )
        |> ignore

    let recur () =
        let mutable h = random [ 1; d ]

        for _ in 1..n do
            let next = product h u

            for i in 0 .. d - 1 do
                next.Span[i] <- MathF.Tanh next.Span[i]

            h <- next

    let n, d = float n, float d

    [
        "self-attention", n * n * d, (fun () -> attend x)
        "recurrent", n * d * d, recur
        "convolution", float kernelWidth * n * d * d, (fun () -> product windows w |> ignore)
        "restricted", float neighbours * n * d, (fun () -> attend blocks)
    ]

/// The median of several times, in microseconds.
let microseconds repetitions (run: unit -> unit) =
    let time () =
        tape.Clear()
        let begun = Stopwatch.GetTimestamp()
        run ()
        (Stopwatch.GetElapsedTime begun).TotalMicroseconds

    // Until it is compiled.
    for _ in 1..3 do
        time () |> ignore

    Statistics.Median [ for _ in 1..repetitions -> time () ]

let lengths =
    page.Pick(quick = [ 16; 64; 256 ], standard = [ 16; 32; 64; 128; 256; 512; 1024 ])

let widths = page.Pick(quick = [ 128 ], standard = [ 64; 128; 256 ])

let times, tableSeconds =
    timed (fun () ->
        [
            for d in widths do
                for n in lengths do
                    for name, operations, run in layersOf n d ->
                        (name, n, d),
                        (operations, microseconds (page.Pick(quick = 3, standard = 15)) run)
        ]
        |> dict)

table
    [
        "length n, width 128"
        "self-attention"
        "recurrent"
        "convolution, k = 3"
        "restricted, r = 16"
    ]
    [
        for n in lengths do
            [
                string n
                for name in [ "self-attention"; "recurrent"; "convolution"; "restricted" ] do
                    let operations, time = times[(name, n, 128)]
                    $"%.2f{operations / 1e6} M, %.0f{time} µs"
            ]
    ]
(*** include-it-raw ***)
[
    for d in widths ->
        $"width {d}",
        [
            for name, colour in
                [
                    "self-attention", Palette.blue
                    "recurrent", Palette.red
                    "convolution", Palette.green
                    "restricted", Palette.orange
                ] do
                Chart.Line(
                    x = lengths,
                    y = [ for n in lengths -> snd times[(name, n, d)] ],
                    Name = name,
                    LineColor = colour,
                    ShowMarkers = true
                )
        ]
        |> Chart.combine
]
|> selector
|> Chart.withXAxisStyle (TitleText = "length n", AxisType = StyleParam.AxisType.Log)
|> Chart.withYAxisStyle (TitleText = "time, µs", AxisType = StyleParam.AxisType.Log)
|> figure
    "table-1"
    "Time of one layer against the length of the sequence, for several widths: self-attention is the steepest line."
(*** include-it-raw ***)
/// The length from which on self-attention takes longer than recurrence, between two measured ones on a straight line of logarithms.
let crossover d =
    let ratio n = log (snd times[("self-attention", n, d)] / snd times[("recurrent", n, d)])

    lengths
    |> List.pairwise
    |> List.tryPick (fun (a, b) ->
        if ratio a < 0.0 && ratio b >= 0.0 then
            let share = -ratio a / (ratio b - ratio a)
            Some(exp (log (float a) + share * (log (float b) - log (float a))))
        else
            None)

table
    [ "width d"; "equal operations at n"; "equal times at n" ]
    [
        for d in widths ->
            [
                string d
                string d
                match crossover d with
                | Some n -> $"%.0f{n}"
                | None -> $"beyond {List.last lengths}"
            ]
    ]
(*** include-it-raw ***)
let exponent name d =
    let n = lengths |> List.skip (lengths.Length - 2) |> Array.ofList

    let struct (_, slope) =
        Fit.Line(
            n |> Array.map (float >> log),
            n |> Array.map (fun n -> log (snd times[(name, n, d)]))
        )

    slope

settle
    cheaper
    [
        for d in widths ->
            page.Seed,
            (let n = (if List.contains (d / 2) lengths then d / 2 else 64) in
             snd times[("self-attention", n, d)] / snd times[("recurrent", n, d)])
    ]
    tableSeconds

settle
    growth
    [ for d in widths -> page.Seed, exponent "self-attention" d - exponent "recurrent" d ]
    tableSeconds
(*** include-output ***)
(**
Equal numbers of operations are not equal times: the operations of attention come as products of matrices, which a processor does at nearly its full speed, those of recurrence as
one vector times a matrix after another, each of which has to read the whole matrix.

## The base model, counted by hand

Section 3.1 and table 3 give $N = 6$, $d = 512$, $h = 8$, $d_{\text{ff}} = 2048$ and 65 million parameters. A layer of the encoder has four projections of $d^2$, two matrices of
$d \, d_{\text{ff}}$ with biases, and two norms of $2d$; one of the decoder four projections and a norm more; and there are the tables, for some 37,000 symbols. With one table for all three uses, with two and with three:
*)
let symbols = 37000

let baseSettings shared tied =
    TransformerSettings(
        SourceVocabulary = symbols,
        TargetVocabulary = symbols,
        ShareEmbeddings = shared,
        TieTargetEmbedding = tied
    )

/// Its numbers are drawn at their first use, so that counting it costs nothing.
let baseModel shared tied =
    Transformer<float32>(baseSettings shared tied, RandomStream page.Seed)

let byHand tables =
    let d, hidden = 512L, 2048L
    let attention, feedForward, norm = 4L * d * d, 2L * d * hidden + hidden + d, 2L * d
    let encoder = 6L * (attention + feedForward + 2L * norm)
    let decoder = 6L * (2L * attention + feedForward + 3L * norm)
    encoder + decoder + tables * int64 symbols * d

table
    [ "tables"; "by hand"; "core" ]
    [
        for name, tables, shared, tied in
            [
                "one for all three", 1L, true, true
                "source; target and softmax", 2L, false, true
                "three", 3L, false, false
            ] ->
            holds
                $"parameters of the base model, tables: {name}"
                (byHand tables = (baseModel shared tied).ParameterCount)

            [ name; $"{byHand tables:N0}"; $"{(baseModel shared tied).ParameterCount:N0}" ]
    ]
(*** include-it-raw ***)
(*** include-output ***)
(**
The paper says 65 million; we count 63 million, without biases in the projections and with 37,000 symbols. One training step of this model, with 8 sentence pairs of 24 symbols:
*)
let baseStep () =
    let model = baseModel true true
    let adam = Adam<float32>.OfTransformer(model.Parameters)
    let own = Tape<float32>(training = true, random = RandomStream page.Seed)
    let ids () = Array.init 24 (fun _ -> 3 + stream.NextBelow(symbols - 3))
    let batch = PairBatch [| for _ in 1..8 -> SequencePair(ids (), ids ()) |]

    let step () =
        adam.ZeroGradients()
        own.Clear()
        let loss = model.Loss(own, batch, 0.1)
        own.Backward loss
        adam.Step 1e-4
        float (loss.Value.ToScalar())

    let first = step ()
    let _, seconds = timed step
    model.ParameterCount, first, seconds, float Environment.WorkingSet / 1e9

// A gigabyte and a few seconds: not in a quick run.
if not page.IsQuick then
    let count, loss, seconds, gigabytes = baseStep ()

    printfn
        $"{count} parameters; loss at the start %.2f{loss} (ln V = %.2f{log (float symbols)}); a step takes %.2f{seconds} s; %.1f{gigabytes} GB in memory"

    // The core gives memory back when it is collected.
    GC.Collect()
(*** include-output ***)
(**
## Table 3: one thing at a time

The task is that of the [first page](transformer.html#Experiment-from-spelling-to-sound): from spelling to sound. The base model has 2 + 2 layers, $d = 128$, $h = 4$, $d_{\text{ff}} = 512$,
dropout and smoothing of 0.1. All runs of a seed see the same batches in the same order. The rows that end in `false` take part in `-- --full` only, which trains each model longer. *Worse* and *better* are said where the
95 % interval of the difference leaves zero out; with many rows, one in twenty does so by chance.
*)
let trainWords, validWords = Pronunciations.words "train", Pronunciations.words "valid"
let spellings, sounds = Pronunciations.vocabularies trainWords

let trainPairs, validPairs =
    Pronunciations.pairs spellings sounds trainWords,
    Pronunciations.pairs spellings sounds validWords

let tokenBudget = 512

/// A row of the table: the model, its label smoothing, and whether the learning rate rises at the start.
type Variation =
    {
        Row: string
        Name: string
        Settings: TransformerSettings
        Smoothing: float
        WarmsUp: bool
        /// Part of the default run.
        IsDefault: bool
    }

/// The base model with other numbers.
let model heads keySize layers features hidden dropout =
    TransformerSettings(
        SourceVocabulary = spellings.Count,
        TargetVocabulary = sounds.Count,
        Features = features,
        Heads = heads,
        KeySize = Option.toNullable keySize,
        EncoderLayers = layers,
        DecoderLayers = layers,
        HiddenFeatures = hidden,
        Dropout = dropout,
        MaximumLength = 64
    )

let whole = model 4 None 2 128 512 0.1

let switched normFirst learned residual =
    TransformerSettings(
        SourceVocabulary = spellings.Count,
        TargetVocabulary = sounds.Count,
        Features = whole.Features,
        Heads = whole.Heads,
        EncoderLayers = whole.EncoderLayers,
        DecoderLayers = whole.DecoderLayers,
        HiddenFeatures = whole.HiddenFeatures,
        Dropout = whole.Dropout,
        NormFirst = normFirst,
        LearnedPositions = learned,
        Residual = residual,
        MaximumLength = whole.MaximumLength
    )

let variation row name settings isDefault =
    {
        Row = row
        Name = name
        Settings = settings
        Smoothing = 0.1
        WarmsUp = true
        IsDefault = isDefault
    }

let variations =
    [
        variation "base" "base" whole true
        variation "A" "1 head" (model 1 None 2 128 512 0.1) true
        variation "A" "2 heads" (model 2 None 2 128 512 0.1) false
        variation "A" "8 heads" (model 8 None 2 128 512 0.1) false
        variation "A" "16 heads" (model 16 None 2 128 512 0.1) false
        variation "B" "d_k = 4" (model 4 (Some 4) 2 128 512 0.1) true
        variation "B" "d_k = 16" (model 4 (Some 16) 2 128 512 0.1) false
        variation "C" "1 layer" (model 4 None 1 128 512 0.1) true
        variation "C" "3 layers" (model 4 None 3 128 512 0.1) false
        variation "C" "4 layers" (model 4 None 4 128 512 0.1) false
        variation "C" "d = 64" (model 4 None 2 64 512 0.1) false
        variation "C" "d = 256" (model 4 None 2 256 512 0.1) false
        variation "C" "d_ff = 256" (model 4 None 2 128 256 0.1) false
        variation "C" "d_ff = 1024" (model 4 None 2 128 1024 0.1) false
        variation "D" "no dropout" (model 4 None 2 128 512 0.0) true
        variation "D" "dropout 0.2" (model 4 None 2 128 512 0.2) false
        { variation "D" "no smoothing" whole true with Smoothing = 0.0 }
        { variation "D" "smoothing 0.2" whole false with Smoothing = 0.2 }
        variation "E" "learned positions" (switched false true true) true
        { variation "–" "no warm-up" whole true with WarmsUp = false }
        variation "–" "norm first" (switched true false true) true
        { variation "–" "norm first, no warm-up" (switched true false true) true with
            WarmsUp = false
        }
        variation "–" "no residuals" (switched false false false) true
    ]

let stepsIn (page: Page) = page.Steps(quick = 8, standard = 300, full = 1000)
let evaluationsIn (page: Page) = page.Pick(quick = 2, standard = 6, full = 5)
let steps, evaluations = stepsIn page, evaluationsIn page
let seeds = [ for i in 0 .. page.Pick(quick = 2, standard = 3) - 1 -> page.Seed + uint64 i ]

let chosen =
    variations |> List.filter (fun variation -> page.Mode = Mode.Full || variation.IsDefault)

/// One run of one model on one task, saved under its name and its seed.
let train learnFrom watch steps evaluations variation seed report =
    let stream = RandomStream(seed).Split("training")
    let model = Transformer<float32>(variation.Settings, stream.Split "model")

    let learner =
        {
            Model = model
            Adam = Adam<float32>.OfTransformer(model.Parameters)
            Batches = BatchStream(learnFrom, tokenBudget, stream.Split "order")
            Dropout = stream.Split "dropout"
        }

    let learn number rate =
        let batch = learner.Batches.Next()
        tape.Clear()
        use _ = tape.Training learner.Dropout
        let loss = model.Loss(tape, batch, variation.Smoothing)
        FiniteGuard.ThrowIfNotFinite(number, loss, tape, model.Parameters)
        learner.Adam.ZeroGradients()
        tape.Backward loss
        FiniteGuard.Step(number, learner.Adam, rate, tape)
        loss, batch.TargetTokens

    // The rate's peak is one half of the paper's curve at 400 steps, whatever the length of the run; the last quarter falls to 0.
    let rising = min 400 (max 1 (steps / 4))

    let scale = 0.5 * sqrt (float rising / 400.0)

    let schedule step =
        Schedule.Warmup(step, variation.Settings.Features, rising, scale)
        * Schedule.Linear(step, steps, 0.25)

    let plan =
        {
            Name = $"{variation.Name}-seed-{seed}".Replace(' ', '-')
            Seed = seed
            Settings =
                [
                    "model", string variation.Settings
                    "smoothing", string variation.Smoothing
                    "warm-up", string variation.WarmsUp
                ]
            // Without a warm-up: at the peak from the first step on.
            Rate = (fun step -> schedule (if variation.WarmsUp then step else max step rising))
            Steps = steps
            Evaluations = evaluations
            Validation = watch
            TokenBudget = tokenBudget
        }

    model, Sequences.train plan learner tape learn report

/// What a run came to.
type Outcome =
    {
        Row: string
        Name: string
        Seed: uint64
        Parameters: int64
        Loss: float
        Accuracy: float
        /// Step and validation loss.
        Curve: float[][]
        Seconds: float
    }

let outcomes =
    Progress.run "table 3" (chosen.Length * seeds.Length * steps) (fun report ->
        [|
            for i, variation in List.indexed chosen do
                for j, seed in List.indexed seeds do
                    let before = (i * seeds.Length + j) * steps

                    let told step message =
                        report (before + step) $"{variation.Name}, seed {seed}: {message}"

                    let model, history =
                        train trainPairs validPairs steps evaluations variation seed told

                    let _, loss, accuracy = Array.last history.Validation

                    {
                        Row = variation.Row
                        Name = variation.Name
                        Seed = seed
                        Parameters = model.ParameterCount
                        Loss = loss
                        Accuracy = 100.0 * accuracy
                        Curve =
                            [|
                                for step, loss, _ in history.Validation ->
                                    [| float step; loss |]
                            |]
                        Seconds = history.Seconds
                    }
        |])
(*** include-output ***)
let secondsOf (rows: Outcome[]) = rows |> Array.sumBy _.Seconds

let ofName (rows: Outcome[]) name =
    rows |> Array.filter (fun row -> row.Name = name) |> List.ofArray

let plusMinus format values =
    let mean, margin = interval values
    let text (value: float) = value.ToString(format, Globalization.CultureInfo.InvariantCulture)
    $"{text mean} ± {text margin}"

/// Mean and 95 % interval of each row, and of its difference from the base model with the same seeds.
let results (rows: Outcome[]) =
    let reference = ofName rows "base"

    table
        [
            "row"
            "model"
            "parameters"
            "perplexity"
            "accuracy, %"
            "loss less the base model's"
            ""
        ]
        [
            for name in rows |> Array.map _.Name |> Array.distinct ->
                let runs = ofName rows name

                let apart =
                    List.map2
                        (fun (run: Outcome) (other: Outcome) -> run.Loss - other.Loss)
                        runs
                        reference

                let mean, margin = interval apart

                [
                    runs.Head.Row
                    name
                    $"{float runs.Head.Parameters / 1e6:F2} M"
                    plusMinus "F3" [ for run in runs -> exp run.Loss ]
                    plusMinus "F2" [ for run in runs -> run.Accuracy ]
                    if name = "base" then "" else plusMinus "F3" apart
                    if name = "base" then ""
                    elif mean - margin > 0.0 then "worse"
                    elif mean + margin < 0.0 then "better"
                    else "not told apart"
                ]
        ]

results outcomes
(*** include-it-raw ***)
let lossesOf name = ofName outcomes name |> List.map _.Loss
let accuraciesOf name = ofName outcomes name |> List.map _.Accuracy
let compared measure name other = List.zip seeds (List.map2 (-) (measure name) (measure other))

let secondsOfRows names =
    names |> List.sumBy (fun name -> ofName outcomes name |> List.sumBy _.Seconds)

let settleWorse claim name =
    settle claim (compared lossesOf name "base") (secondsOfRows [ "base"; name ])

settleWorse singleHead "1 head"
settleWorse narrowKeys "d_k = 4"
settleWorse shallow "1 layer"
settleWorse withoutDropout "no dropout"

settle
    smoothingPerplexity
    (compared lossesOf "base" "no smoothing" |> List.map (fun (seed, apart) -> seed, exp apart))
    (secondsOfRows [ "base"; "no smoothing" ])

settle
    smoothingAccuracy
    (compared accuraciesOf "base" "no smoothing")
    (secondsOfRows [ "base"; "no smoothing" ])

settleWorse learnedPositions "learned positions"

settle
    warmup
    (List.map2
        (fun (seed, last) (_, first) -> seed, last - first)
        (compared lossesOf "no warm-up" "base")
        (compared lossesOf "norm first, no warm-up" "norm first"))
    (secondsOfRows [ "base"; "no warm-up"; "norm first"; "norm first, no warm-up" ])

settleWorse residual "no residuals"
(*** include-output ***)
(** Each model's validation loss beside the base model's, in grey; a line for each seed. *)
let curvesOf (rows: Outcome[]) =
    let lines name colour =
        [
            for run in ofName rows name ->
                Chart.Line(
                    x = [ for point in run.Curve -> point[0] ],
                    y = [ for point in run.Curve -> point[1] ],
                    Name = $"{name}, seed {run.Seed}",
                    LineColor = colour
                )
        ]

    [
        for name in rows |> Array.map _.Name |> Array.distinct do
            if name <> "base" then
                name, Chart.combine (lines "base" Palette.grey @ lines name Palette.red)
    ]
    |> selector
    |> Chart.withXAxisStyle (TitleText = "step")
    |> Chart.withYAxisStyle (TitleText = "validation loss, nats a token")

curvesOf outcomes
|> figure
    "variations"
    "Validation loss of each model, dashed, beside that of the base model, solid; a line for each seed."
(*** include-it-raw ***)
(**
## Another task: parsing

The paper ends (section 6.3) with a task for which nothing in the model was made: constituency parsing. The source is a sentence, the target its tree, written as brackets in a row (Vinyals et
al. 2015), so the output is longer than the input and has to close what it opens. The paper's treebank is not free. Our sentences come from a grammar of a
small language in which the word decides: *of* belongs to the noun before it, *with* to the verb of the whole sentence, *that* opens a clause in which subject or object is missing. S is a sentence, NP, VP and PP are phrases of a noun, a verb and a preposition, SBAR is the clause; DT, JJ, NN, NNP and VB
are article, adjective, noun, name and verb. F1 is the harmonic mean of precision and recall over labelled brackets.
*)
type Tree =
    | Word of tag: string * word: string
    | Phrase of label: string * parts: Tree list

/// A random sentence; the deeper, the fewer phrases grow within it.
let rec grow (random: RandomStream) depth label =
    let one (choices: string list) = choices[random.NextBelow choices.Length]
    let chance share = random.NextUniform() < share / float (1 + depth)
    let part = grow random (depth + 1)

    let word tag =
        Word(
            tag,
            match tag with
            | "DT" -> one [ "the"; "a"; "every"; "no" ]
            | "JJ" -> one [ "old"; "red"; "quiet"; "tall"; "odd"; "new" ]
            | "NN" ->
                one [ "man"; "dog"; "town"; "telescope"; "song"; "teacher"; "river"; "garden" ]
            | "NNP" -> one [ "Anna"; "Berlin"; "Karl"; "Olga" ]
            | "VB" -> one [ "saw"; "heard"; "liked"; "painted"; "found"; "left" ]
            | other -> other
        )

    match label with
    | "S" -> Phrase("S", [ part "NP"; part "VP" ])
    | "NP" when random.NextUniform() < 0.2 -> Phrase("NP", [ word "NNP" ])
    | "NP" ->
        Phrase(
            "NP",
            [
                word "DT"
                if random.NextUniform() < 0.3 then
                    word "JJ"
                word "NN"
                if chance 0.7 then
                    Phrase("PP", [ word "of"; part "NP" ])
                if chance 0.7 then
                    part "SBAR"
            ]
        )
    | "SBAR" when random.NextUniform() < 0.5 ->
        Phrase("SBAR", [ word "that"; Phrase("VP", [ word "VB"; part "NP" ]) ])
    | "SBAR" -> Phrase("SBAR", [ word "that"; part "NP"; word "VB" ])
    | _ ->
        Phrase(
            "VP",
            [
                word "VB"
                part "NP"
                if random.NextUniform() < 0.4 then
                    Phrase("PP", [ word "with"; part "NP" ])
            ]
        )

let rec wordsOf tree =
    match tree with
    | Word(_, word) -> [ word ]
    | Phrase(_, parts) -> List.collect wordsOf parts

/// The tree as brackets in a row, words as their tags.
let rec bracketed tree =
    match tree with
    | Word(tag, _) -> [ tag ]
    | Phrase(label, parts) -> [ "(" + label; yield! List.collect bracketed parts; ")" ]

/// The phrases of a row of brackets: label, first word and last. What is never closed counts for nothing.
let phrasesOf (row: string list) =
    let mutable opened, words, found = [], 0, []

    for token in row do
        match token, opened with
        | ")", (label, first) :: rest ->
            found <- (label, first, words) :: found
            opened <- rest
        | ")", [] -> ()
        | token, _ when token.StartsWith '(' -> opened <- (token, words) :: opened
        | _ -> words <- words + 1

    found

/// F1 of labelled brackets over all sentences, in percent, as parsers are scored.
let bracketScore (answers: (string list * string list) list) =
    let matching, said, true' =
        answers
        |> List.map (fun (truth, said) ->
            let truth, said = phrasesOf truth, phrasesOf said
            let known = truth |> List.countBy id |> dict

            let equal =
                said
                |> List.countBy id
                |> List.sumBy (fun (phrase, count) ->
                    match known.TryGetValue phrase with
                    | true, most -> min count most
                    | _ -> 0)

            equal, said.Length, truth.Length)
        |> List.fold (fun (a, b, c) (d, e, f) -> a + d, b + e, c + f) (0, 0, 0)

    200.0 * float matching / float (said + true')

let example =
    let noun words = Phrase("NP", [ for word in words -> Word("w", word) ])
    Phrase("S", [ noun [ "Anna" ]; Phrase("VP", [ Word("VB", "saw"); noun [ "a"; "dog" ] ]) ])

printfn "%s" (String.Join(" ", bracketed example))

check
    "F1 by hand: one of four brackets wrong, one left out"
    (bracketScore
        [ bracketed example, [ "(S"; "(NP"; "w"; ")"; "(PP"; "VB"; "w"; "w"; ")"; ")" ] ]
     - 200.0 * 2.0 / 7.0)
    1e-12
(*** include-output ***)
let treesOf seed count (isMeant: int -> bool) =
    let random = RandomStream(seed).Split "sentences"

    Seq.initInfinite (fun _ -> grow random 0 "S")
    |> Seq.filter (fun tree -> isMeant (List.length (wordsOf tree)))
    |> Seq.distinctBy wordsOf
    |> Seq.take count
    |> List.ofSeq

let longestSeen = 16

let trainTrees, unseenTrees =
    treesOf page.Seed (page.Pick(quick = 500, standard = 10200, full = 40200)) (fun length ->
        length <= longestSeen)
    |> fun trees -> List.splitAt (trees.Length - 200) trees

let longTrees =
    treesOf (page.Seed + 1UL) 100 (fun length ->
        length > longestSeen && length <= 2 * longestSeen)

let sentenceWords, brackets =
    Vocabulary.Of(trainTrees |> Seq.map wordsOf |> Seq.cast<string seq>),
    Vocabulary.Of(trainTrees |> Seq.map bracketed |> Seq.cast<string seq>)

let pairOf tree =
    SequencePair(
        sentenceWords.Encode(Array.ofList (wordsOf tree)),
        brackets.Encode(Array.ofList (bracketed tree))
    )

let parserSettings =
    TransformerSettings(
        SourceVocabulary = sentenceWords.Count,
        TargetVocabulary = brackets.Count,
        Features = whole.Features,
        Heads = whole.Heads,
        EncoderLayers = whole.EncoderLayers,
        DecoderLayers = whole.DecoderLayers,
        HiddenFeatures = whole.HiddenFeatures,
        Dropout = whole.Dropout,
        MaximumLength = 160
    )

let parsingSteps = page.Pick(quick = 30, standard = 1500, full = 6000)

let parser, parsingHistory =
    Progress.run
        "parsing"
        parsingSteps
        (train
            (trainTrees |> List.map pairOf |> Array.ofList)
            (unseenTrees |> List.map pairOf |> Array.ofList)
            parsingSteps
            (page.Pick(quick = 1, standard = 5))
            (variation "6.3" "parsing" parserSettings true)
            page.Seed)
(*** include-output ***)
/// The paper's search for parses: a beam of 21, α = 0.3, up to 300 tokens more than the sentence has words.
let parse (trees: Tree list) =
    let search =
        BeamSettings(
            Width = page.Pick(quick = 2, standard = 21),
            LengthPenalty = 0.3,
            ExtraLength = 300
        )

    trees
    |> List.groupBy (wordsOf >> List.length)
    |> List.collect (fun (_, trees) ->
        let sources = [| for tree in trees -> (pairOf tree).Source |]

        let answers = BeamSearch.Decode(parser, tape, sources, search)

        [
            for tree, answer in Seq.zip trees answers ->
                tree, brackets.Decode answer[0].Tokens |> List.ofArray
        ])

let (ofUnseen, ofLong), parsingSeconds = timed (fun () -> parse unseenTrees, parse longTrees)

let scoreOf parsed = bracketScore [ for tree, said in parsed -> bracketed tree, said ]

let wholeRight (parsed: (Tree * string list) list) =
    let right = parsed |> List.filter (fun (tree, said) -> bracketed tree = said)
    100.0 * float right.Length / float parsed.Length

table
    [ "sentences"; "number"; "F1 of brackets, %"; "whole trees right, %" ]
    [
        for name, parsed in
            [
                $"unseen, at most {longestSeen} words", ofUnseen
                $"{longestSeen + 1} to {2 * longestSeen} words", ofLong
            ] ->
            [
                name
                string (List.length parsed)
                $"%.1f{scoreOf parsed}"
                $"%.1f{wholeRight parsed}"
            ]
    ]
(*** include-it-raw ***)
settle parsing [ page.Seed, scoreOf ofUnseen ] (parsingHistory.Seconds + parsingSeconds)
settle longerSentences [ page.Seed, scoreOf ofLong ] parsingHistory.Seconds
(*** include-output ***)
table
    [ "sentence"; "parsed as"; "" ]
    [
        for tree, said in List.truncate 3 ofUnseen @ List.truncate 2 ofLong ->
            [
                String.Join(" ", wordsOf tree)
                String.Join(" ", said)
                (if said = bracketed tree then "right" else "wrong")
            ]
    ]
(*** include-it-raw ***)
(**
## The full run

Table 3 with all its rows, each model trained for 1,000 steps, from the last run with `-- --full`:
*)
(*** hide ***)
/// What is repeated to see whether the figures still stand: of all rows, those whose models differ most.
let beginnings =
    [
        for variation in variations do
            if List.contains variation.Name [ "base"; "learned positions"; "norm first" ] then
                let again (full: Page) =
                    let steps, evaluations = stepsIn full, evaluationsIn full

                    train
                        trainPairs
                        validPairs
                        steps
                        evaluations
                        variation
                        full.Seed
                        (fun _ _ -> ())
                    |> snd

                variation.Name, again
    ]

if Results.areToBeKept page then
    Results.keep page fingerprint beginnings (secondsOf outcomes) outcomes

let stored = Results.kept<Outcome> page fingerprint beginnings
Results.tell stored
(*** include-output ***)
match stored with
| Some kept -> results kept.Rows
| None -> ""
(*** include-it-raw ***)
(** What that run made of the claims: *)
Results.claims stored
(*** include-it-raw ***)
(**
A verdict goes by the mean; where the interval reaches to means with another verdict, it is left open.

## Can it learn at all? One batch by heart

Before any long run, a model should be made to learn one batch by heart: with nothing to hold it back (no dropout, no smoothing) the loss must go to 0 and decoding must say the
targets. If it does not, the fault is in the model or the gradient, and no longer run will mend it. A guess among $V$ tokens costs $\ln V$; an untrained model, whose scores already differ,
begins above that.
*)
// A word with two pronunciations cannot have both of them said.
let few = trainPairs |> Array.distinctBy _.Source |> Array.truncate 8
let byHeart = Transformer<float32>(model 4 None 2 128 512 0.0, RandomStream page.Seed)

let overfitting =
    let adam = Adam<float32>.OfTransformer(byHeart.Parameters)
    let batch = PairBatch few

    [
        for number in 1..150 ->
            tape.Clear()
            let loss = byHeart.Loss(tape, batch, 0.0)
            adam.ZeroGradients()
            tape.Backward loss
            FiniteGuard.Step(number, adam, 1e-3, tape)
            float (loss.Value.ToScalar())
    ]

printfn
    $"loss of the first step %.3f{overfitting.Head} (ln V = %.3f{log (float sounds.Count)}), of the last %.4f{List.last overfitting}"

holds
    "a batch that was learned by heart is said by heart"
    (few
     |> Array.forall (fun pair ->
         (GreedyDecoder.Decode(byHeart, tape, [| pair.Source |], 40))[0] = pair.Target))
(*** include-output ***)
(**
## Gradient clipping

Not in the paper, but in most programs since: one bad batch can send back a gradient many times as long as usual, and a step along it undoes what many steps have learned. Pascanu, Mikolov and
Bengio (2013) look at all gradients as one vector and shorten it where it is too long; its direction stays.

$$ \|g\| = \sqrt{\textstyle\sum_{\text{parameters}} \sum_i g_i^2} \tag{CLIP-1} $$

$$ g \leftarrow g \cdot \frac{c}{\|g\|} \quad\text{where } \|g\| > c \tag{CLIP-2} $$

Here is what there is to clip: the norm before each of the first steps of the base model, at a high rate from the first step on, once as it is and once clipped to 1. Adam divides each gradient by its own recent size, so a
model whose gradients are *all* clipped by about the same factor takes the same steps; only single long ones count for less.
*)
/// Loss and gradient norm of each step, and the norm of the first step by hand.
let clippedTo (limit: float) =
    let stream = RandomStream(page.Seed).Split("clipping")
    let model = Transformer<float32>(whole, stream.Split "model")
    let adam = Adam<float32>.OfTransformer(model.Parameters)
    let batches = BatchStream(trainPairs, tokenBudget, stream.Split "order")
    use _ = tape.Training(stream.Split "dropout")
    let mutable byHand = 0.0

    [
        for number in 1 .. page.Pick(quick = 20, standard = 150) do
            let batch = batches.Next()
            tape.Clear()
            let loss = model.Loss(tape, batch, 0.1)
            adam.ZeroGradients()
            tape.Backward loss

            if number = 1 then
                byHand <-
                    sqrt (
                        model.Parameters
                        |> Seq.sumBy (fun parameter ->
                            parameter.Gradient.ToArray()
                            |> Array.sumBy (fun g -> float g * float g)) // CLIP-1
                    )

            let norm = GradientClipping.ByGlobalNorm(model.Parameters, limit)
            FiniteGuard.Step(number, adam, 0.004, tape)
            number, float (loss.Value.ToScalar()), norm
    ],
    byHand

// No norm is as long as the first limit.
let (unclipped, normByHand), (clipped, _) = clippedTo 1e30, clippedTo 1.0
let normsOf steps = [ for _, _, norm in steps -> norm ]

check
    "longhand = core, norm of all gradients"
    (List.head (normsOf unclipped) / normByHand - 1.0)
    1e-5

printfn
    $"norm of the first gradient %.2f{List.head (normsOf unclipped)}, median %.2f{Statistics.Median(normsOf unclipped)}, largest %.2f{List.max (normsOf unclipped)}"

let lastLosses steps =
    steps
    |> List.skip (List.length steps * 4 / 5)
    |> List.averageBy (fun (_, loss, _) -> loss)

printfn
    $"training loss of the last fifth: %.3f{lastLosses unclipped} as it is, %.3f{lastLosses clipped} clipped to 1"
(*** include-output ***)
[
    for name, steps, colour in
        [ "as it is", unclipped, Palette.red; "clipped to 1", clipped, Palette.blue ] ->
        Chart.Line(
            x = [ for number, _, _ in steps -> number ],
            y = normsOf steps,
            Name = name,
            LineColor = colour
        )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (
    TitleText = "norm of the gradient, before clipping",
    AxisType = StyleParam.AxisType.Log
)
|> figure
    "clipping"
    "Norm of all gradients before each step, of a run as it is and of one whose gradients are clipped to a norm of 1."
(*** include-it-raw ***)
(**
## Paper says, we did

| the paper says | we did | why |
|:--|:--|:--|
| table 1 counts operations | counted and timed | a count is not a time |
| table 3: English to German, development set, beam search, BLEU | spelling to sound, validation words, perplexity and accuracy given the truth so far | minutes instead of days |
| row A keeps the work constant: d_k = d_v = d / h | the same | |
| row B: d_k = 16 and 32 of 64 | d_k = 4 and 16 of 32 | our heads are half as wide |
| row C: 2 to 8 layers, d 256 and 1024, d_ff 1024 and 4096 | 1 to 4 layers, d 64 and 256, d_ff 256 and 1024 | widths by the same factors around a smaller base |
| row D: dropout 0 and 0.2, smoothing 0 and 0.2 | the same | |
| row E: learned positions | the same | |
| parsing: Wall Street Journal, 4 layers of 1024 | sentences of a made-up grammar, 2 layers of 128 | the treebank is not free |
| one run a row | three seeds a row, the same for all rows, with intervals | differences are as small as the scatter |
| no row without warm-up, residuals, or with the norm first | four rows more | the questions that readers ask |

## Exercises

**1. Write a count.** How many multiplications does a whole layer of self-attention take, with its four projections, for $n$ vectors of width $d$? Put it into `multiplications` and run the page again.
*)
/// Yours to write.
let multiplications (n: float) (d: float) : float = 0.0

/// Two products between positions, four by a matrix.
let countedProducts (n: float) (d: float) =
    let product rows inner columns = rows * inner * columns
    product n d n + product n n d + 4.0 * product n d d

let errorOfCount count =
    List.max
        [
            for n, d in [ 10.0, 64.0; 500.0, 128.0 ] ->
                abs (count n d / countedProducts n d - 1.0)
        ]

let exercise = errorOfCount multiplications
printfn "exercise 1: %s" (if exercise < 1e-12 then "solved" else "still open")
(*** include-output ***)
(*** hide ***)
check
    "the solution of exercise 1"
    (errorOfCount (fun n d -> 2.0 * n * n * d + 4.0 * n * d * d))
    1e-12
(**
<details><summary>Solution</summary>

$2 n^2 d + 4 n d^2$: below $n = 2d$ the projections, which table 1 leaves out, are most of the work.

</details>

**2.** Which of the rows would you expect to change its verdict if training went on for ten times as many steps? Try `-- --steps 3000` and wait.

<details><summary>Hint</summary>

Dropout and smoothing cost speed at the start and pay when the training set has been seen often.

</details>

## References

- Vaswani et al. 2017, [Attention Is All You Need](https://arxiv.org/abs/1706.03762).
- Xiong et al. 2020, [On Layer Normalization in the Transformer Architecture](https://arxiv.org/abs/2002.04745).
- Gehring et al. 2017, [Convolutional Sequence to Sequence Learning](https://arxiv.org/abs/1705.03122): learned positions.
- Vinyals et al. 2015, [Grammar as a Foreign Language](https://arxiv.org/abs/1412.7449).
- Pascanu, Mikolov and Bengio 2013, [On the difficulty of training recurrent neural networks](https://arxiv.org/abs/1211.5063): clipping.
- Szegedy et al. 2015, [Rethinking the Inception Architecture](https://arxiv.org/abs/1512.00567): label smoothing.
- The CMU Pronouncing Dictionary, version 0.7b.
*)
(*** hide ***)
finish page
