module Hybrid.Tests.Models.BeamSearchTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Generation
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer

let private decode (model: Transformer<_>) (sources: int[][]) settings =
    BeamSearch.Decode(model, Tape(), sources, settings)

let private beam width penalty extra = BeamSettings(Width = width, LengthPenalty = penalty, ExtraLength = extra)

/// ln of the probability of each next token after each position of a target, from the whole target at once.
let private logSoftmax (model: Transformer<float>) source (target: int list) =
    let shifted (row: float[]) =
        let largest = Array.max row
        let total = row |> Array.sumBy (fun x -> exp (x - largest))
        row |> Array.map (fun x -> x - largest - log total)

    logits model [| source |] [| List.toArray (Vocabulary.Begin :: target) |]
    |> rowsOf
    |> Array.map shifted

/// ln P of a whole answer, its end included if it has one.
let private logProbability model source (tokens: int[]) hasEnded =
    let rows = logSoftmax model source (List.ofArray tokens)
    let asked = if hasEnded then Array.append tokens [| Vocabulary.End |] else tokens
    asked |> Array.mapi (fun i id -> rows[i][id]) |> Array.sum

/// Every answer that ends within so many tokens, end included, with ln P.
let private everyAnswer (model: Transformer<float>) source limit =
    let rec from (said: int list) probability =
        let row = logSoftmax model source said |> Array.last

        (said, probability + row[Vocabulary.End])
        :: (if said.Length + 1 < limit then
                [
                    for id in Vocabulary.End + 1 .. row.Length - 1 do
                        yield! from (said @ [ id ]) (probability + row[id])
                ]
            else
                [])

    from [] 0.0

let private close = { absolute = 1e-11; relative = 1e-11 }

/// Models whose scores lie far enough apart to make a difference.
let private sharp options seed =
    let model = double options seed

    for parameter in model.Parameters do
        if parameter.Name = "target.table" then
            for i in 0 .. parameter.Value.Length - 1 do
                parameter.Value.Span[i] <- 3.0 * parameter.Value.Span[i]

    model

/// A model that scores every next token alike, by the first column of its table.
let private setScores (model: Transformer<float>) set =
    for parameter in model.Parameters do
        match parameter.Name with
        | "decoder.0.feedForward.norm.gain" -> parameter.Value.Span.Clear()
        | "decoder.0.feedForward.norm.bias" -> parameter.Value[0] <- 1.0
        | "target.table" -> set parameter.Value
        | _ -> ()

[<Tests>]
let tests =
    testList
        "Models.BeamSearch"
        [
            property 30 "a beam of one finds what greedy decoding finds, whatever the penalty" (fun sizes ->
                let random = sizes.Random
                let options = { small with NormFirst = sizes.Rows % 2 = 0; MaximumLength = 12 }
                let model = sharp options (uint64 sizes.Seed)
                let length = random.NextBelow 6
                let sources = [| for _ in 1..3 -> sequence random 12 length |]
                let found = decode model sources (beam 1 (float (random.NextBelow 20) / 10.0) 5)

                Expect.equal
                    (found |> Array.map (fun answers -> (Array.exactlyOne answers).Tokens))
                    (GreedyDecoder.Decode(model, Tape(), sources, length + 5))
                    "answers")

            property 12 "a beam as wide as there are answers finds the best of them all" (fun sizes ->
                let model = sharp tiny (uint64 sizes.Seed)
                let source = sequence sizes.Random 7 (sizes.Seed % 3)
                let every = everyAnswer model source (source.Length + 2)

                for penalty in [ 0.0; 0.6; 2.0 ] do
                    let settings = beam 1000 penalty 2
                    let score (tokens: int list, probability) = probability / settings.PenaltyOf(tokens.Length + 1)
                    let tokens, probability = every |> List.maxBy score
                    let found = (decode model [| source |] settings).[0].[0]
                    Expect.equal (List.ofArray found.Tokens) tokens $"answer, penalty {penalty}"
                    Expect.floatClose close found.LogProbability probability "log-probability"
                    Expect.floatClose close found.Score (score (tokens, probability)) "score")

            property
                20
                "log-probabilities are the sums over the steps, scores these over the penalty, best first"
                (fun sizes ->
                    let model = sharp { small with MaximumLength = 10 } (uint64 sizes.Seed)
                    let sources = [| for length in [ 0; 3; 5 ] -> sequence sizes.Random 12 length |]
                    let settings = beam 4 0.6 4

                    for source, answers in Array.zip sources (decode model sources settings) do
                        Expect.isNonEmpty answers "answers"
                        Expect.isLessThanOrEqual answers.Length 4 "at most as many as the beam is wide"

                        Expect.equal
                            (answers |> Array.sortByDescending _.Score |> Array.map _.Score)
                            (answers |> Array.map _.Score)
                            "order"

                        for answer in answers do
                            let expected = logProbability model source answer.Tokens answer.HasEnded
                            Expect.floatClose close answer.LogProbability expected "log-probability"
                            let count = answer.Tokens.Length + (if answer.HasEnded then 1 else 0)
                            Expect.floatClose close answer.Score (expected / settings.PenaltyOf count) "score"

                            Expect.isLessThanOrEqual
                                count
                                (min 10 (source.Length + 4))
                                "no longer than the source and what is allowed"

                        Expect.equal
                            (answers |> Array.distinctBy (fun answer -> List.ofArray answer.Tokens))
                            answers
                            "all different")

            property 15 "a batch gets the answers that its sources get one by one" (fun sizes ->
                let model = sharp { small with MaximumLength = 14 } (uint64 sizes.Seed)
                let sources = [| for _ in 1..5 -> sequence sizes.Random 12 (sizes.Random.NextBelow 8) |]
                let answers settings sources = decode model sources settings |> Array.map (Array.map _.Tokens)
                let settings = beam 3 0.6 6

                Expect.equal
                    (answers settings sources)
                    (sources |> Array.collect (fun source -> answers settings [| source |]))
                    "answers")

            testCase "the penalty is that of the paper" (fun () ->
                let settings = BeamSettings()

                Expect.equal
                    (settings.Width, settings.LengthPenalty, settings.ExtraLength)
                    (4, 0.6, 50)
                    "paper's choices"

                Expect.equal (settings.PenaltyOf 1) 1.0 "one token"
                Expect.floatClose close (settings.PenaltyOf 7) (2.0 ** 0.6) "seven tokens"
                Expect.equal (BeamSettings(LengthPenalty = 0.0).PenaltyOf 30) 1.0 "none"
                covers [ "BEAM-1" ])

            testCase "an answer that does not end is cut, and says so" (fun () ->
                let model = double tiny 1UL
                setScores model (fun table -> table[Vocabulary.End, 0] <- -1e9)
                let answers = (decode model [| [| 3 |] |] (beam 2 0.6 3)).[0]

                Expect.equal
                    (answers |> Array.map (fun answer -> answer.Tokens.Length, answer.HasEnded))
                    [| 4, false; 4, false |]
                    "cut")

            testCase "an open answer may become the best by its length, and is waited for" (fun () ->
                let model, word = double tiny 1UL, 3

                setScores model (fun table ->
                    for id in 0 .. table.Shape[0] - 1 do
                        table[id, 0] <- -50.0

                    // At every step the end is a little likelier than the word, and nothing else is said.
                    table[Vocabulary.End, 0] <- log 0.55
                    table[word, 0] <- log 0.45)

                let settings = beam 2 6.0 3
                let answers = (decode model [| [| 3 |] |] settings).[0]

                Expect.isGreaterThan
                    (log 0.55)
                    (log 0.45 / settings.PenaltyOf 1)
                    "as long as it is, the open answer is behind"

                Expect.equal
                    (answers |> Array.map _.Tokens)
                    [| [| word |]; [||] |]
                    "the longer answer, which ended a step later, is ahead")

            testCase "the tape is cleared, and no parameter receives a gradient" (fun () ->
                let model, tape = double small 2UL, Tape<float>()
                BeamSearch.Decode(model, tape, [| [| 3; 4 |] |], BeamSettings(ExtraLength = 4)) |> ignore
                Expect.isEmpty tape.Recorded "tape"
                Expect.all model.Parameters (fun p -> Seq.forall ((=) 0.0) (floats p.Gradient)) "gradients")

            testCase
                "settings that make no sense, sources that do not fit and weights that are no numbers are refused"
                (fun () ->
                    let model = double tiny 1UL
                    let source = [| [| 3 |] |]

                    refusesRange [ "width of at least 1"; "0" ] (fun () -> decode model source (beam 0 0.6 5))

                    refusesRange [ "length penalty"; "-1" ] (fun () -> decode model source (beam 2 -1.0 5))

                    refusesRange [ "length penalty"; "NaN" ] (fun () -> decode model source (beam 2 nan 5))

                    refusesRange [ "ExtraLength"; "at least one token more"; "0" ] (fun () ->
                        decode model source (beam 2 0.6 0))

                    refuses<ArgumentException, _> [ "at least one sequence" ] (fun () ->
                        decode model [||] (beam 2 0.6 5))

                    refuses<ArgumentException, _> [ "9 tokens"; "8 positions" ] (fun () ->
                        decode model [| Array.create 9 3 |] (beam 2 0.6 5))

                    for parameter in model.Parameters do
                        if parameter.Name = "target.table" then
                            parameter.Value[5, 0] <- nan

                    refuses<NonFiniteException, _> [ "not finite after 0 tokens" ] (fun () ->
                        decode model source (beam 2 0.6 5)))
        ]
