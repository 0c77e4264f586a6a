(**
---
title: Attention Is All You Need, translation
category: Papers
categoryindex: 2
index: 2
description: The paper's own task, German to English, from 16 thousand sentence pairs: subwords, one vocabulary, beam search and BLEU.
year: 2017
keywords: machine translation, byte-pair encoding, shared vocabulary, beam search, length penalty, BLEU
time: at most 5 minutes
needs: transformer
---
# Attention Is All You Need: translation

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

- **What you need**: the [page on the model itself](transformer.html), which derives every gradient that is used here.
- **Time**: at most 5 minutes on two cores (30 seconds with `-- --quick`, an hour and a quarter with `-- --full`); no graphics card, no
  network.
- **Covers** sections 3.4, 5.1, 6.1 and the measure of table 2, and draws the pictures of the appendix.
- **Your own sentences**: `-- --corpus DIR`, a folder that holds for each of `train`, `valid` and `test` one file of lines
  *source TAB target* (`train.tsv`), or two files whose lines belong together (`train.de`, `train.en`; the first by name is the source);
  any of them may be compressed (`.gz`).

## The paper in one paragraph

The Transformer was made for translation: 4.5 million sentence pairs, English to German, cut into some 37,000 *subwords* that both
languages share, so that one table serves to read the source, to read the target and to say the next token. At the end the last
five checkpoints are averaged, answers are looked for with a beam of four, and the result is scored by BLEU: 27.3 for the base
model, 28.4 for the big one, more than two above anything before. This page does all of that at home, with a dictionary's example
sentences, 282 times fewer than the paper had. What it can show is that each part does its work. What it cannot show is 28.4.

## The idea, on words you can follow

A vocabulary of words is never complete: tomorrow's text has a word that today's had not. A vocabulary of letters is complete, but
sentences become five times as long. *Byte-pair encoding* (Sennrich, Haddow and Birch 2016) finds the middle by counting: begin with
letters; make the commonest pair of neighbours one symbol; count again; stop after as many merges as you like. Frequent words end as one
symbol, rare ones stay in parts. Their example, with how often each word occurs, and `·` for the end of a word:
*)
#load "ensure.fsx"
#load "prelude.fsx"

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Generation
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Scripts
open Hybrid.Tensors
open Hybrid.Text
open MathNet.Numerics.Statistics
open Plotly.NET

(*** hide ***)
let page =
    Page.start
        "translation"
        [ Extra.Full; Extra.Steps; Extra.Resume; Extra.CheckFinite; Extra.Corpus ]

let fingerprint =
    Results.fingerprint
        [ for part in [ "train"; "valid"; "test" ] -> $"ding-de-en/{part}.tsv.gz" ]

(**
*)
/// A word as its symbols, and how often it occurs.
type Word = string list * int64

let example: Word list =
    [
        for word, count in [ "low·", 5; "lower·", 2; "newest·", 6; "widest·", 3 ] ->
            [ for letter in word -> string letter ], int64 count
    ]

/// Counts every pair of neighbours; of equally frequent ones the first in the text.
let commonestPair (words: Word list) =
    [
        for symbols, count in words do
            for pair in List.pairwise symbols -> pair, count
    ]
    |> List.groupBy fst
    |> List.map (fun (pair, found) -> pair, List.sumBy snd found)
    |> List.maxBy snd

/// Makes a pair one symbol, wherever it stands.
let rec join (left: string, right: string) symbols =
    match symbols with
    | first :: second :: rest when first = left && second = right ->
        left + right :: join (left, right) rest
    | first :: rest -> first :: join (left, right) rest
    | [] -> []

let rec merges count words =
    if count = 0 then
        []
    else
        let pair, frequency = commonestPair words
        let merged = [ for symbols, count in words -> join pair symbols, count ]
        (pair, frequency, merged) :: merges (count - 1) merged

let steps = merges 10 example

for (left, right), frequency, words in steps do
    let text = words |> List.map (fst >> String.concat " ") |> String.concat "   "
    printfn $"%3d{frequency} times  %-4s{left} + %-4s{right}  {text}"
(*** include-output ***)
(**
After ten merges *low* and *newest* are one symbol each, and a word that never occurred, *lowest*, would be read as *low* and *est·*.
The core learns the same merges without counting everything anew after each one:
*)
let ours =
    MergeList.Learn(
        [
            for symbols, count in example ->
                struct (Array.ofList symbols :> IReadOnlyList<string>, count)
        ],
        10
    )

holds
    "longhand = core, the ten merges of the example"
    ([ for struct (left, right) in ours.Merges -> left, right ] =
        [ for pair, _, _ in steps -> pair ])

printfn "lowest: %s" (String.Join(" ", ours.Apply [| "l"; "o"; "w"; "e"; "s"; "t"; "·" |]))
(*** include-output ***)
(**
## How a translation is scored

A sentence has many good translations, so counting equal sentences says little. BLEU (Papineni et al. 2002) counts equal *phrases*. Of all
phrases of $n$ tokens in the translations, which part stands in the reference? A phrase counts no more often than the reference has it, or
*the the the* would score:

$$ p_n = \frac{\sum_{\text{phrases}} \min(\text{count}, \text{count in the reference})}{\sum_{\text{phrases}} \text{count}} \tag{BLEU-1} $$

Sums run over the whole test set, $p_n$ is one number for all of it. Short translations would win, saying only what is sure; so with $c$
tokens in the translations and $r$ in the references,

$$ \text{BP} = \min(1, e^{1 - r/c}) \tag{BLEU-2} $$

$$ \text{BLEU} = \text{BP} \cdot \exp\Bigl(\tfrac14 \sum_{n=1}^{4} \ln p_n\Bigr) \tag{BLEU-3} $$

The geometric mean punishes the rarest: without a single matching phrase of four tokens the score is 0. What counts as a token changes
the score, so a figure without its tokenization says nothing. Ours: words, numbers and single punctuation marks, upper and lower case
as they stand; figures times 100, as papers print them. Published figures use other tokenizations, other text and often several
references: compare ours with ours only.
*)
let tokens (sentence: string) =
    [| for found in Regex.Matches(sentence, @"\w+|[^\w\s]") -> found.Value |]

/// BLEU of one reference for each sentence, longhand.
let bleuByHand (pairs: (string[] * string[])[]) =
    let phrases n (sentence: string[]) = Array.windowed n sentence |> Array.countBy id

    let precision n =
        let matches =
            seq {
                for said, reference in pairs do
                    let known = dict (phrases n reference)

                    for phrase, count in phrases n said do
                        match known.TryGetValue phrase with
                        | true, most -> min count most // BLEU-1
                        | _ -> 0
            }

        let all = pairs |> Array.sumBy (fun (said, _) -> max 0 (said.Length - n + 1))
        float (Seq.sum matches) / float all

    let c, r = pairs |> Array.sumBy (fst >> _.Length), pairs |> Array.sumBy (snd >> _.Length)
    let brevity = min 1.0 (exp (1.0 - float r / float c)) // BLEU-2
    brevity * exp (List.average [ for n in 1..4 -> log (precision n) ]) // BLEU-3

(*** hide ***)
csharp "Text/Bleu.cs" "Of"
(*** include-it-raw ***)
(**
## Claims, written down before the run

Thresholds were set before the run whose figures stand below.
*)
let translates =
    claim
        {
            Text = "A network of attention alone learns to translate."
            Paper =
                "28.4 BLEU, English to German, 4.5 million pairs (table 2); here another language pair and 16 thousand pairs"
            Measure = "BLEU on the test sentences, beam of 4"
            Threshold = "reproduced from 8 on, partly from 4"
            Verdict = atLeast 8.0 4.0
        }

let better =
    claim
        {
            Text = "It translates better than a dictionary learned from the same pairs."
            Paper = "more than 2.0 BLEU above every earlier system (table 2)"
            Measure = "BLEU of the Transformer minus BLEU of word-by-word translation, points"
            Threshold = "reproduced from +2 on, partly above 0"
            Verdict = atLeast 2.0 1e-9
        }

let searching =
    claim
        {
            Text =
                "Beam search of 4 with a length penalty of 0.6 translates better than greedy decoding."
            Paper = "section 6.1, used for every result, no figure"
            Measure = "BLEU with the beam minus BLEU without, points"
            Threshold = "reproduced from +0.3 on, partly above 0"
            Verdict = atLeast 0.3 1e-9
        }

let regularizing =
    claim
        {
            Text = "Dropout helps against overfitting."
            Paper = "table 3, row D: 25.5 BLEU without dropout, 25.8 with"
            Measure =
                "validation loss without dropout minus that with, nats a token, same steps"
            Threshold = "reproduced from +0.05 on, partly above 0"
            Verdict = atLeast 0.05 1e-9
        }
(*** include-output ***)
(**
## The data

Example sentences of the [Ding dictionary](https://dict.tu-chemnitz.de/) (Frank Richter, TU Chemnitz), German with their English translation:
many of them sayings and turns of phrase, where few words can be guessed from other sentences. No sentence of the test occurs on either
side of the training pairs.
*)
/// Source and target sentences of a part: from one file of two columns, or two files whose lines belong together.
let corpus part =
    let pairs =
        match page.Corpus with
        | None -> reading (fun () -> TsvPairs.Read(dataFile $"ding-de-en/{part}.tsv.gz"))
        | Some folder ->
            match Directory.GetFiles(folder, part + ".*") |> Array.sort with
            | [| both |] -> reading (fun () -> TsvPairs.Read both)
            | [| source; target |] -> reading (fun () -> ParallelText.Read(source, target))
            | files ->
                Host.refuse
                    $"--corpus: {folder} holds {files.Length} files '{part}.*'; it needs one of two columns ({part}.tsv), or two whose lines belong together ({part}.de and {part}.en)."

    [| for struct (source, target) in pairs -> source, target |]

let trainText, validText, allTestText = corpus "train", corpus "valid", corpus "test"

let testText =
    let shuffled = Array.copy allTestText
    RandomStream(page.Seed).Split("test sentences").Shuffle(shuffled.AsSpan())
    Array.truncate (page.Pick(quick = 60, standard = shuffled.Length)) shuffled

holds
    "no test sentence is among the training sentences"
    (let known = HashSet(trainText |> Seq.collect (fun (source, target) -> [ source; target ]))

     allTestText
     |> Array.forall (fun (source, target) ->
         not (known.Contains source || known.Contains target)))

table
    [ "German"; "English" ]
    [ for source, target in Array.truncate 5 trainText -> [ source; target ] ]
(*** include-it-raw ***)
(**
### Subwords

1,000 merges, learned from both languages together, over the bytes of UTF-8, so that there is no unknown character; Ġ stands for a space, and a letter beyond ASCII shows as its two bytes, ü as Ã¼. Names, numbers and
cognates become the same symbols on both sides. The paper has about 37,000 symbols for 282 times as many sentences: with few sentences, a large vocabulary would
leave most symbols with hardly an example.
*)
let mergeCount = 1000

let encoding =
    BytePairEncoding.Learn(
        trainText |> Seq.collect (fun (source, target) -> [ source; target ]),
        mergeCount
    )

// One vocabulary for both languages.
let vocabulary = Vocabulary.Of [ Seq.distinct encoding.Symbols ]
let encode (sentence: string) = vocabulary.Encode(encoding.Encode sentence)
let decode (ids: int[]) = BytePairEncoding.Decode(vocabulary.Decode ids)

table
    [ "sentence"; "subwords" ]
    [
        for source, target in Array.truncate 2 validText do
            for sentence in [ source; target ] ->
                [ sentence; String.Join(" ", encoding.Encode sentence) ]
    ]
(*** include-it-raw ***)
holds
    "every sentence comes back from its subwords"
    (Seq.concat [ trainText; validText; allTestText ]
     |> Seq.forall (fun (source, target) ->
         decode (encode source) = source && decode (encode target) = target))
(*** include-output ***)
(**
### Batches by length

Sentences of a batch are filled up to the longest. The paper puts sentences of about equal length together, up to some 25,000 tokens a side; ours are 400: many small steps learn most
from a short run. What sorting saves:
*)
let tokenBudget = 400
let longest = 128

let pairsOf texts =
    [|
        for source, target in texts do
            let pair = SequencePair(encode source, encode target)

            if max pair.Source.Length (pair.Target.Length + 1) <= longest then
                pair
    |]

let trainPairs, validPairs = pairsOf trainText, pairsOf validText

printfn
    $"{vocabulary.Count} symbols; {trainPairs.Length} of {trainText.Length} pairs have at most {longest} symbols a side"
(*** include-output ***)
/// The share of all numbers in these batches that is padding.
let padding (batches: PairBatch seq) =
    let sides = batches |> Seq.collect (fun batch -> [ batch.Source; batch.DecoderInput ])

    let filled, all =
        sides |> Seq.sumBy (fun side -> Seq.sum side.Lengths), sides |> Seq.sumBy _.Ids.Length

    100.0 * (1.0 - float filled / float all)

let bucketed = LengthBuckets.Epoch(trainPairs, tokenBudget, RandomStream page.Seed)

let shuffled =
    let pairs = Array.copy trainPairs
    RandomStream(page.Seed).Shuffle(pairs.AsSpan())

    pairs
    |> Array.chunkBySize (max 1 (trainPairs.Length / bucketed.Length))
    |> Array.map PairBatch

table
    [ "batches of an epoch"; "number"; "padding" ]
    [
        [ "as they come"; string shuffled.Length; $"%.1f{padding shuffled} %%" ]
        [ "by length"; string bucketed.Length; $"%.1f{padding bucketed} %%" ]
    ]
(*** include-it-raw ***)
(**
## The model

The architecture of the [first page](transformer.html), 2 layers of 128 features on either side, with the norm before each sublayer, as in the
authors' program, where the first page has it behind; chosen by the loss of short runs on the validation pairs. On the first page's task the same
choice [does not help](variations.html#Table-3-one-thing-at-a-time). Source embedding, target embedding and the
matrix before the softmax are **one table** (section 3.4), because the vocabulary is one; its gradient is the sum of what the three uses send
back. Dropout is 0.2, not 0.1, because the pairs are few; the paper takes 0.3 for its big model.
*)
let settingsOf dropout =
    TransformerSettings(
        SourceVocabulary = vocabulary.Count,
        TargetVocabulary = vocabulary.Count,
        Features = 128,
        Heads = 4,
        EncoderLayers = 2,
        DecoderLayers = 2,
        HiddenFeatures = 512,
        Dropout = dropout,
        NormFirst = true,
        ShareEmbeddings = true,
        MaximumLength = longest
    )

let settings = settingsOf 0.2
let smoothing = 0.1
let tape = Tape<float32>(ChecksFinite = page.ChecksFinite)

let learner (settings: TransformerSettings) (seed: uint64) =
    let stream = RandomStream(seed).Split("training")
    let model = Transformer<float32>(settings, stream.Split "model")

    {
        Model = model
        Adam = Adam<float32>.OfTransformer(model.Parameters)
        Batches = BatchStream(trainPairs, tokenBudget, stream.Split "order")
        Dropout = stream.Split "dropout"
    }

/// One step, as on the first page.
let learn (learner: Learner) number rate =
    let batch = learner.Batches.Next()
    tape.Clear()
    use _ = tape.Training learner.Dropout
    let loss = learner.Model.Loss(tape, batch, smoothing)
    FiniteGuard.ThrowIfNotFinite(number, loss, tape, learner.Model.Parameters)
    learner.Adam.ZeroGradients()
    tape.Backward loss
    FiniteGuard.Step(number, learner.Adam, rate, tape)
    loss, batch.TargetTokens

let train
    name
    (settings: TransformerSettings)
    (schedule: int -> float)
    steps
    evaluations
    seed
    report
    =
    let learner = learner settings seed

    let plan =
        {
            Name = name
            Seed = seed
            Settings =
                [
                    "model", string settings
                    "pairs", string trainPairs.Length
                    "symbols", string vocabulary.Count
                ]
            Rate = schedule
            Steps = steps
            Evaluations = evaluations
            Validation = validPairs
            TokenBudget = tokenBudget
        }

    learner.Model, Sequences.train plan learner tape (learn learner) report

let stepsIn (page: Page) = page.Steps(quick = 60, standard = 14000, full = 100000)

// A shorter run warms up for fewer steps; the factor keeps the rate at its peak where it is.
let scheduleOf steps =
    let warmup = max 1 (min 400 (steps / 4))
    let scale = 0.5 * sqrt (float warmup / 400.0)

    fun step ->
        Schedule.Warmup(step, settings.Features, warmup, scale)
        * Schedule.Linear(step, steps, 0.5)

let trainMain (page: Page) =
    let steps = stepsIn page
    let evaluations = page.Pick(quick = 2, standard = 15, full = 40)
    train "main" settings (scheduleOf steps) steps evaluations page.Seed

let trainingSteps = stepsIn page
let mainModel, main = Progress.run "training" trainingSteps (trainMain page)

let _, finalLoss, finalAccuracy = Array.last main.Validation

printfn
    $"{mainModel.ParameterCount} parameters, {trainingSteps} steps in %.0f{main.Seconds} s: %.0f{main.TokensPerSecond} target tokens a second"

printfn $"validation: %.3f{finalLoss} nats a token, perplexity %.1f{exp finalLoss}"
(*** include-output ***)
let smoothed =
    main.Training
    |> Array.chunkBySize (max 1 (trainingSteps / 150))
    |> Array.map (fun chunk -> fst (Array.last chunk), Array.averageBy snd chunk)

[
    Chart.Line(
        x = Array.map fst smoothed,
        y = Array.map snd smoothed,
        Name = "training (smoothed targets, dropout)",
        LineColor = Palette.grey
    )
    Chart.Line(
        x = [ for step, _, _ in main.Validation -> step ],
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
    "Training and validation loss. Smoothing and dropout lift the training loss; where validation stops falling while training goes on to fall, the model learns its sentences by heart."
(*** include-it-raw ***)
(**
### Averaged checkpoints

As on the first page, the mean of the parameters at the last five evaluations is taken if its validation loss is lower.
*)
main.Average.Exchange()
let averageLoss, _ = Sequences.evaluate tape tokenBudget mainModel validPairs

if averageLoss >= finalLoss then
    main.Average.Exchange()

printfn
    $"validation loss: %.4f{finalLoss} at the last step, %.4f{averageLoss} for the mean of {main.Average.Count} moments"
(*** include-output ***)
(**
## A baseline: a dictionary learned from the same pairs

IBM's first model (Brown et al. 1993) knows no grammar and no order: each English word of a pair was caused by one of the German words. Which one is not known,
so *expectation maximization* shares each English word out among the German ones by the probabilities so far, counts, and divides: five times. To translate, each
German word says its likeliest English word.
*)
let wordPairs = trainText |> Array.map (fun (source, target) -> tokens source, tokens target)

let dictionary =
    let mutable probability = Dictionary<struct (string * string), float>()

    let likelihood german english =
        match probability.TryGetValue(struct (german, english)) with
        | true, p -> p
        // Before the first count all are equally likely.
        | _ -> if probability.Count = 0 then 1.0 else 0.0

    for _ in 1..5 do
        let counts = Dictionary<struct (string * string), float>()
        let totals = Dictionary<string, float>()

        for german, english in wordPairs do
            for word in english do
                let shares = german |> Array.map (fun cause -> likelihood cause word)
                let all = Array.sum shares

                for i in 0 .. german.Length - 1 do
                    let key, part = struct (german[i], word), shares[i] / all
                    counts[key] <- counts.GetValueOrDefault key + part
                    totals[german[i]] <- totals.GetValueOrDefault german[i] + part

        for entry in Seq.toArray counts do
            let struct (german, _) = entry.Key
            counts[entry.Key] <- entry.Value / totals[german]

        probability <- counts

    probability
    |> Seq.groupBy (fun entry -> let struct (german, _) = entry.Key in german)
    |> Seq.map (fun (german, entries) ->
        let struct (_, english) = (entries |> Seq.maxBy _.Value).Key
        german, english)
    |> dict

let wordByWord (source: string) =
    [|
        for word in tokens source ->
            match dictionary.TryGetValue word with
            | true, english -> english
            | _ -> word
    |]

printfn $"""Wo ist der Hund? {String.Join(" ", wordByWord "Wo ist der Hund?")}"""
(*** include-output ***)
(**
## Decoding

We decode greedily and with the beam search of section 6.1 ([how it works](transformer.html#Decoding)). The longer an answer, the more factors below 1 its probability
has; answers are compared after their log-probability is divided by

$$ \text{lp}(n) = \Bigl(\frac{5 + n}{6}\Bigr)^{\alpha} \tag{BEAM-1} $$

for an answer of $n$ tokens; the paper takes $\alpha = 0.6$.
*)
let beam width penalty (sources: int[][]) =
    let settings = BeamSettings(Width = width, LengthPenalty = penalty, ExtraLength = 50)

    BeamSearch.Decode(mainModel, tape, sources, settings)
    |> Array.map (fun answers -> (Array.head answers).Tokens)

let greedy (sources: int[][]) =
    GreedyDecoder.Decode(mainModel, tape, sources, min longest (sources[0].Length + 50))

/// The translation of each sentence; sources of one length together.
let translate decodeIds (sentences: string[]) =
    let answers =
        sentences
        |> Array.distinct
        |> Array.map (fun sentence -> sentence, Array.truncate longest (encode sentence))
        |> Array.groupBy (fun (_, ids) -> ids.Length)
        |> Array.collect (snd >> Array.chunkBySize 32)
        |> Array.collect (fun chunk ->
            Array.map2
                (fun (sentence, _) answer -> sentence, decode answer)
                chunk
                (decodeIds (Array.map snd chunk)))
        |> dict

    sentences |> Array.map (fun sentence -> answers[sentence])

let scored (said: string[][]) (text: (string * string)[]) =
    let list (sentences: string[][]) =
        sentences |> Array.map (fun words -> words :> IReadOnlyList<string>)

    Bleu.Of(list said, list (text |> Array.map (snd >> tokens)))

let sources = Array.map fst testText
let byGreedy, greedySeconds = timed (fun () -> translate greedy sources)
let byBeam, beamSeconds = timed (fun () -> translate (beam 4 0.6) sources)
let greedyBleu = scored (Array.map tokens byGreedy) testText
let beamBleu = scored (Array.map tokens byBeam) testText

let baselineBleu, baselineSeconds =
    timed (fun () -> scored (Array.map wordByWord sources) testText)


let bleuRow name (bleu: Bleu) (seconds: float) =
    [
        name
        $"%.2f{100.0 * bleu.Score}"
        String.Join(" / ", bleu.Precisions |> Seq.map (fun p -> $"%.1f{100.0 * p}"))
        $"%.3f{bleu.BrevityPenalty}"
        $"%.1f{seconds}"
    ]

table
    [
        $"{testText.Length} test sentences"
        "BLEU"
        "precision of 1 / 2 / 3 / 4 words, %"
        "brevity penalty"
        "seconds"
    ]
    [
        bleuRow "Transformer, beam of 4" beamBleu beamSeconds
        bleuRow "Transformer, greedy" greedyBleu greedySeconds
        bleuRow "word by word" baselineBleu baselineSeconds
    ]
(*** include-it-raw ***)
let longhand =
    bleuByHand (Array.zip (Array.map tokens byBeam) (Array.map (snd >> tokens) testText))

check
    "longhand = core, BLEU of the test"
    (if beamBleu.Score = 0.0 && not (longhand > 0.0) then 0.0 else longhand - beamBleu.Score)
    1e-12

settle translates [ (page.Seed, 100.0 * beamBleu.Score) ] main.Seconds
settle better [ (page.Seed, 100.0 * (beamBleu.Score - baselineBleu.Score)) ] main.Seconds

settle
    searching
    [ (page.Seed, 100.0 * (beamBleu.Score - greedyBleu.Score)) ]
    (greedySeconds + beamSeconds)
(*** include-output ***)
(**
### What it says

Twelve test sentences drawn at random, not chosen:
*)
let shown = Array.zip testText byBeam

table
    [ "German"; "the Transformer says"; "reference" ]
    [ for (source, target), said in Array.truncate 12 shown -> [ source; said; target ] ]
(*** include-it-raw ***)
(**
The four nearest to their reference and the four furthest from it, by edit distance in words, among sentences of six words or more:
*)
let byDistance =
    shown
    |> Array.filter (fun ((_, target), _) -> (tokens target).Length >= 6)
    |> Array.sortBy (fun ((_, target), said) ->
        let target = tokens target

        float (EditDistance.Between(ReadOnlySpan(tokens said), ReadOnlySpan target))
        / float target.Length)

table
    [ "German"; "the Transformer says"; "reference"; "" ]
    [
        for (source, target), said in Array.truncate 4 byDistance ->
            [ source; said; target; "near" ]
        for (source, target), said in Array.rev byDistance |> Array.truncate 4 ->
            [ source; said; target; "far" ]
    ]
(*** include-it-raw ***)
let equal = shown |> Array.filter (fun ((_, target), said) -> said = target)
let known = HashSet(trainText |> Seq.map snd)
let recited = byBeam |> Array.filter known.Contains |> Array.length

printfn
    $"{equal.Length} of {shown.Length} translations equal their reference; {recited} are, word for word, a sentence of the training set"
(*** include-output ***)
(** Which sentences it can translate, by length and by the rarest word of the source: *)
let occurrences = wordPairs |> Seq.collect fst |> Seq.countBy id |> dict

let rarest source =
    tokens source
    |> Seq.map (fun word ->
        match occurrences.TryGetValue word with
        | true, count -> count
        | _ -> 0)
    |> Seq.fold min Int32.MaxValue

let among name (isMeant: string -> bool) =
    let part = shown |> Array.filter (fun ((source, _), _) -> isMeant source)
    let bleu = scored (Array.map (snd >> tokens) part) (Array.map fst part)

    [
        name
        string part.Length
        $"%.2f{100.0 * bleu.Score}"
        $"%.1f{100.0 * bleu.Precisions[0]}"
    ]

let length source = (tokens source).Length

table
    [ "source"; "sentences"; "BLEU"; "words right, %" ]
    [
        among "at most 6 words and marks" (fun source -> length source <= 6)
        among "7 to 12" (fun source -> length source > 6 && length source <= 12)
        among "more than 12" (fun source -> length source > 12)
        among "each word in ten training sentences or more" (fun source -> rarest source >= 10)
        among "the rarest in one to nine" (fun source ->
            rarest source > 0 && rarest source < 10)
        among "a word that no training sentence has" (fun source -> rarest source = 0)
    ]
(*** include-it-raw ***)
(**
That is the honest verdict: 16 thousand pairs are few. Where the training pairs show each word often enough, something is right; a word that they show seldom or never
cannot be guessed, and most sentences have one. The paper's model saw 282 times as many pairs.

### Teacher-forced and free-running

During training the decoder reads the truth so far, in use it reads what it has said itself. A model that has never seen its own mistakes goes on from them badly. How
much that costs: the share of reference subwords that are said right at their place, given the truth, and running free.
*)
let testPairs = pairsOf testText
let _, forced = Sequences.evaluate tape tokenBudget mainModel testPairs

let free =
    Sequences.rightInPlace
        [| for (_, target), said in Array.zip testText byGreedy -> encode target, encode said |]

table
    [ "decoder reads"; "subwords right, %" ]
    [
        [ "the truth so far"; $"%.1f{100.0 * forced}" ]
        [ "what it has said itself"; $"%.1f{100.0 * free}" ]
    ]
(*** include-it-raw ***)
(**
The second figure is harsher than the first in another way too: one word more or less shifts all that follows.

### Width and length penalty

On the validation sentences, so that nothing is chosen by the test. The larger $\alpha$, the less longer answers lose to shorter ones; whether BLEU
gains by it, the table says.
*)
let validSample = Array.truncate (page.Pick(quick = 20, standard = 300, full = 969)) validText

table
    [ "beam"; "α"; "BLEU"; "words said, % of the reference's" ]
    [
        for width, penalty in
            page.Pick(
                quick = [ (4, 0.6) ],
                standard = [ 1, 0.6; 2, 0.6; 4, 0.0; 4, 0.6; 4, 1.2; 8, 0.6 ]
            ) do
            let said =
                translate (beam width penalty) (Array.map fst validSample) |> Array.map tokens

            let bleu = scored said validSample

            [
                string width
                $"%.1f{penalty}"
                $"%.2f{100.0 * bleu.Score}"
                $"%.1f{100.0 * float bleu.CandidateLength / float bleu.ReferenceLength}"
            ]
    ]
(*** include-it-raw ***)
(**
### What the heads look at

One test sentence and its translation by the model. Choose the layer and the head. In the attention from decoder to encoder look for a
head that lays the two languages side by side, crossing where German puts its verb last; with so few pairs it may be faint, or not there.
The paper's figures 3 to 5 show such weights, within the English sentence alone.
*)
let pictured, picturedTranslation =
    // The nearest to its reference of those of middle length, if there is one.
    shown
    |> Array.minBy (fun ((source, target), said) ->
        let words, target = length source, tokens target
        let distance = EditDistance.Between(ReadOnlySpan(tokens said), ReadOnlySpan target)
        words < 6 || words > 12, float distance / float target.Length)
    |> fun ((source, _), said) -> source, said

// Plain text reads better than the symbols of bytes.
let parts (sentence: string) =
    [| for symbol in encoding.Encode sentence -> BytePairEncoding.Decode [ symbol ] |]

let maps =
    SequencePair(encode pictured, encode picturedTranslation)
    |> AttentionMaps.collect tape mainModel

AttentionMaps.chart maps (parts pictured) (parts picturedTranslation)
|> figure
    "attention"
    $"Attention weights for “{pictured}”, which the model translates by “{picturedTranslation}”, for each layer and head."
(*** include-it-raw ***)
(**
## Break it

The same model with and without dropout, for the same number of steps, from the same start.
*)
let shortSteps = page.Pick(quick = 20, standard = 2000, full = 10000)
let shortEvaluations = page.Pick(quick = 2, standard = 8, full = 16)

let shortRuns =
    Progress.run "break it" (2 * shortSteps) (fun report ->
        [
            for i, (name, dropout) in List.indexed [ "dropout 0.2", 0.2; "no dropout", 0.0 ] do
                let told step message = report (i * shortSteps + step) $"{name}: {message}"

                name,
                train
                    $"break-it-{i}"
                    (settingsOf dropout)
                    (scheduleOf shortSteps)
                    shortSteps
                    shortEvaluations
                    page.Seed
                    told
                |> snd
        ])
    |> dict

let lossAtEnd name = let _, loss, _ = Array.last shortRuns[name].Validation in loss

settle
    regularizing
    [ (page.Seed, lossAtEnd "no dropout" - lossAtEnd "dropout 0.2") ]
    (shortRuns.Values |> Seq.sumBy _.Seconds)
(*** include-output ***)
[
    for name, colour in [ "dropout 0.2", Palette.blue; "no dropout", Palette.red ] do
        Chart.Line(
            x = [ for step, _, _ in shortRuns[name].Validation -> step ],
            y = [ for _, loss, _ in shortRuns[name].Validation -> loss ],
            Name = name + ", validation",
            LineColor = colour,
            ShowMarkers = true
        )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "validation loss, nats a token")
|> figure "break-it" "Validation loss with and without dropout."
(*** include-it-raw ***)
(**
## The full run

What `-- --full` made of the claims when it was last run: 100,000 steps of the same model.
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
(**
## Paper says, we did

| the paper says | we did | why |
|:--|:--|:--|
| WMT 2014 English to German, 4.5 M pairs | Ding example sentences, German to English, 16 thousand pairs | what fits into the repository and into minutes |
| about 37,000 byte-pair symbols, shared | 1,000 merges and 256 bytes, shared | few sentences: a larger vocabulary has symbols that hardly occur |
| symbols of characters | symbols of UTF-8 bytes, as in GPT-2 | nothing is unknown |
| base model, 6 + 6 layers of 512, dropout 0.1 | 2 + 2 layers of 128, norm first, dropout 0.2 | time; few data |
| batches of 25,000 tokens a side | 400 tokens a side, one source length a batch | many small steps learn most from a short run |
| one table for source, target and softmax | the same | section 3.4 |
| mean of the last 5 checkpoints | the same, if its validation loss is lower | the rate of our run falls to 0 |
| beam of 4, α = 0.6, at most 50 tokens more than the source | the same | section 6.1 |
| BLEU of tokenized text, by the program of the time | BLEU of words and punctuation marks, stated above | the figure depends on it |

## Exercises

**1. Write the brevity penalty** of BLEU-2 from the lengths, and run the page again: its output turns to *solved*.
*)
/// Yours to write: the factor for c tokens in the translations and r in the references.
let brevityPenalty (c: int) (r: int) : float = 0.0

let errorOfPenalty (penalty: int -> int -> float) =
    let list (sentence: string) : IReadOnlyList<string>[] = [| sentence.Split ' ' |]

    [
        for said, reference in [ "a b", "a b c"; "a", "a b c d"; "a b c", "a" ] ->
            let bleu = Bleu.Of(list said, list reference, 1)
            abs (penalty bleu.CandidateLength bleu.ReferenceLength - bleu.BrevityPenalty)
    ]
    |> List.max

let exercise = errorOfPenalty brevityPenalty

printfn
    "exercise 1: %s"
    (if exercise < 1e-12 then "solved" else $"still open, error %.1e{exercise}")
(*** include-output ***)
(*** hide ***)
check
    "the solution of exercise 1"
    (errorOfPenalty (fun c r -> if c >= r then 1.0 else exp (1.0 - float r / float c)))
    1e-12
(**
<details><summary>Solution</summary>

`if c >= r then 1.0 else exp (1.0 - float r / float c)`

</details>

**2.** Set `mergeCount` to 0, so that every byte is a symbol, and to 8000. What happens to the length of the sentences, to the number of parameters, to the loss a token
(and why can losses of different vocabularies not be compared), and to BLEU?

<details><summary>Hint</summary>

Compare nats a sentence, not nats a token: the sum of all losses of a sentence is $-\ln P(\text{sentence})$, whatever it was cut into.

</details>

**3.** Let the English be the source and the German the target. Which direction scores more, and why may the two figures not be compared?

<details><summary>Hint</summary>

German has more word forms and compounds, so fewer of its phrases match exactly.

</details>

## References

- Vaswani et al. 2017, [Attention Is All You Need](https://arxiv.org/abs/1706.03762).
- Sennrich, Haddow and Birch 2016, [Neural Machine Translation of Rare Words with Subword Units](https://arxiv.org/abs/1508.07909).
- Papineni, Roukos, Ward and Zhu 2002, [BLEU: a Method for Automatic Evaluation of Machine Translation](https://aclanthology.org/P02-1040/).
- Wu et al. 2016, [Google's Neural Machine Translation System](https://arxiv.org/abs/1609.08144): the length penalty.
- Brown, Della Pietra, Della Pietra and Mercer 1993, The Mathematics of Statistical Machine Translation.
- Press and Wolf 2017, [Using the Output Embedding to Improve Language Models](https://arxiv.org/abs/1608.05859).
- Frank Richter, Ding: a dictionary lookup program, TU Chemnitz; data under the GPL, version 2 or later.
*)
(*** hide ***)
finish page
