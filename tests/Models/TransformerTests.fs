module Hybrid.Tests.Models.TransformerTests

open System
open Expecto
open FsCheck.FSharp
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer

/// Every choice that changes which rules are recorded.
let private choices =
    gen {
        let! normFirst, tied = Gen.two (Gen.elements [ false; true ])
        let! shared, learned = Gen.two (Gen.elements [ false; true ])
        let! bias, scaled = Gen.two (Gen.elements [ false; true ])
        let! encoderLayers, decoderLayers = Gen.two (Gen.choose (1, 3))
        let! seed = Gen.choose (0, 1000)

        let options =
            { small with
                NormFirst = normFirst
                Tied = tied
                Shared = shared
                Learned = learned
                AttentionBias = bias
                Scaled = scaled
                EncoderLayers = encoderLayers
                DecoderLayers = decoderLayers
            }

        return options, uint64 seed
    }

/// The paper's sums: four projections per attention, two matrices per feed-forward layer, a gain and a bias per norm.
let private expectedCount options =
    let d, hidden = options.Features, options.HiddenFeatures
    let keys = options.Heads * defaultArg options.KeySize (d / options.Heads)
    let attention = 2 * d * keys + 2 * d * d + (if options.AttentionBias then 2 * keys + 2 * d else 0)
    let feedForward = 2 * d * hidden + hidden + d
    let norm = 2 * d
    let encoder = options.EncoderLayers * (attention + feedForward + 2 * norm)
    let decoder = options.DecoderLayers * (2 * attention + feedForward + 3 * norm)
    let source = if options.Shared then 0 else options.Vocabulary
    let positions = if options.Learned then 2 * options.MaximumLength else 0
    let tables = (source + options.Vocabulary + 1 + positions) * d
    let output = if options.Tied then 0 else d * (options.Vocabulary + 1)
    tables + encoder + decoder + output + (if options.NormFirst then 2 * norm else 0)

let private structure =
    testList
        "structure"
        [
            propertyOf
                choices
                20
                "the parameters are as many as the formula says, and their names differ"
                (fun (options, seed) ->
                    let model = double options seed
                    Expect.equal model.ParameterCount (int64 (expectedCount options)) "count"
                    let names = model.Parameters |> Seq.map _.Name |> List.ofSeq
                    Expect.equal (List.distinct names) names "names")

            testCase
                "by that formula the base model of the paper has 44 million parameters besides its tables"
                (fun () ->
                    let d, hidden = 512, 2048

                    let base' =
                        { tiny with
                            Vocabulary = 37000
                            Features = d
                            HiddenFeatures = hidden
                            EncoderLayers = 6
                            DecoderLayers = 6
                        }
                    // 44.1 million without tables; the paper shares one table of 18.9 million and states 65 million.
                    let tables = 2 * 37000 * d + d
                    Expect.equal (expectedCount base' - tables) 44_101_632 "without tables")

            propertyOf
                choices
                20
                "logits have one row for each target position, at the start and padded"
                (fun (options, seed) ->
                    let y = logits (single options seed) [| [| 3; 4 |]; [| 5 |] |] [| [| 1 |]; [| 1; 3; 4 |] |]
                    Expect.equal y.Shape (shape [ 2; 3; options.Vocabulary + 1 ]) "shape"
                    expectAllFinite y "logits")

            testCase "every normalization has the eps of the settings" (fun () ->
                let settings =
                    TransformerSettings(
                        SourceVocabulary = 5,
                        TargetVocabulary = 5,
                        Features = 4,
                        Heads = 2,
                        EncoderLayers = 1,
                        DecoderLayers = 1,
                        NormFirst = true,
                        NormEps = 1e-3
                    )

                let tape = Tape<float>()
                let tokens = TokenBatch [| [| 3; 4 |] |]
                let model = Transformer<float>(settings, RandomStream 1UL)
                model.Decode(model.Encode(tape, tokens), tokens, tokens) |> ignore

                let norms =
                    [
                        for made in tape.Recorded do
                            if made.Rule = "LayerNorm" then
                                string made.Operation
                    ]

                Expect.equal norms (List.replicate 7 "LayerNorm(eps = 0.001)") "two, three, and one behind each stack")

            propertyOf
                choices
                20
                "dropout stands where section 5.4 puts it, and nowhere at evaluation"
                (fun (options, seed) ->
                    let model = double { options with Dropout = 0.1 } seed
                    let batch = PairBatch(pairs (RandomStream 1UL) options [ 3, 2 ])

                    let recorded (dropout: RandomStream | null) =
                        let tape = Tape<float>(training = not (isNull dropout), random = dropout)
                        model.Loss(tape, batch, 0.0) |> ignore
                        [| for made in tape.Recorded -> made.Place, made.Rule |]

                    let made = recorded (RandomStream 2UL)

                    let places =
                        [
                            for i in 0 .. made.Length - 1 do
                                if snd made[i] = "Dropout" then
                                    i
                        ]

                    Expect.equal places.Length (2 + 2 * options.EncoderLayers + 3 * options.DecoderLayers) "count"
                    let isOutput (place: string, _) = place.EndsWith ".output" || place.EndsWith ".contract"
                    let sums, sublayers = places |> List.partition (fun i -> snd made[i - 1] = "Add")
                    Expect.equal [ for i in sums -> fst made[i] ] [ "encoder"; "decoder" ] "embeddings plus positions"

                    for i in sublayers do
                        Expect.isTrue
                            (isOutput made[i - 1] && snd made[i + 1] = "Add")
                            "on a sublayer's output, before it is added"

                    Expect.isFalse (recorded null |> Array.exists (fun (_, rule) -> rule = "Dropout")) "evaluation")

            testCase "attention weights stand at their layer's place, one map for each head" (fun () ->
                let model = double small 1UL
                let tape = Tape()
                model.Loss(tape, PairBatch(pairs (RandomStream 1UL) small [ 3, 4 ]), 0.0) |> ignore

                let expected =
                    [
                        for i in 0..1 do
                            $"encoder.{i}.self", shape [ 1; 2; 3; 3 ]
                            $"decoder.{i}.self", shape [ 1; 2; 5; 5 ]
                            $"decoder.{i}.cross", shape [ 1; 2; 5; 3 ]
                    ]

                for place, extents in expected do
                    Expect.equal (tape.Find(place, "Attention")).Shape extents place)
        ]

let private independence =
    testList
        "independence"
        [
            propertyOf choices 15 "later target tokens leave earlier logits equal to the bit" (fun (options, seed) ->
                let model, random = single options seed, RandomStream seed
                let source, target = sequence random 12 4, sequence random 12 6
                let changedAt = 1 + random.NextBelow 5
                let changed = target |> Array.mapi (fun i id -> if i >= changedAt then 3 + (id + 1) % 9 else id)

                let before, after =
                    rowsOf (logits model [| source |] [| target |]), rowsOf (logits model [| source |] [| changed |])

                Expect.equal after[.. changedAt - 1] before[.. changedAt - 1] "earlier"
                Expect.notEqual after[changedAt] before[changedAt] "the changed one")

            propertyOf
                choices
                15
                "padding changes nothing: a batch of mixed lengths equals each pair alone"
                (fun (options, seed) ->
                    let random = RandomStream seed
                    let lengths = [ for _ in 1..3 -> 1 + random.NextBelow 6, 1 + random.NextBelow 6 ]

                    let sources, targets =
                        [| for n, _ in lengths -> sequence random 12 n |],
                        [| for _, n in lengths -> sequence random 12 n |]

                    let expectEqual tolerance (together: Tensor<_>) (alone: int -> Tensor<_>) =
                        let width = together.Shape[1]

                        for i in 0..2 do
                            let rows = (rowsOf together)[i * width .. i * width + targets[i].Length - 1]
                            expectClose tolerance (Array.concat rows) (floats (alone i)) $"pair {i}"

                    let model = double options seed

                    expectEqual 1e-12 (logits model sources targets) (fun i ->
                        logits model [| sources[i] |] [| targets[i] |])

                    let model = single options seed

                    expectEqual 1e-5 (logits model sources targets) (fun i ->
                        logits model [| sources[i] |] [| targets[i] |]))

            propertyOf
                choices
                10
                "the loss of a padded batch is the mean over the tokens that count"
                (fun (options, seed) ->
                    let model = double options seed
                    let batch = pairs (RandomStream seed) options [ 2, 5; 4, 1 ]
                    let loss pairs = fst (lossAndGradients model (PairBatch pairs) 0.1)
                    expectNear 1e-12 (loss batch) ((6.0 * loss batch[..0] + 2.0 * loss batch[1..]) / 8.0) "mean")

            testCase "the source matters to every position, and so does what was said before" (fun () ->
                let model = double small 1UL
                let first = rowsOf (logits model [| [| 3; 4; 5 |] |] [| [| 1; 6; 7 |] |])
                let otherSource = rowsOf (logits model [| [| 3; 4; 6 |] |] [| [| 1; 6; 7 |] |])
                let otherStart = rowsOf (logits model [| [| 3; 4; 5 |] |] [| [| 1; 8; 7 |] |])

                for i in 0..2 do
                    Expect.notEqual otherSource[i] first[i] "source"

                Expect.notEqual otherStart[2] first[2] "said before")

            testCase "the order of the source matters, by the positions alone" (fun () ->
                let model = double small 1UL
                let y source = floats (logits model [| source |] [| [| 1 |] |])
                Expect.notEqual (y [| 3; 4; 5 |]) (y [| 5; 4; 3 |]) "order")
        ]

let private refusals =
    testList
        "refusals"
        [
            testCase "heads that do not divide the features, and odd features, are refused" (fun () ->
                refusesShape [ "3 heads cannot share 4 features" ] (fun () -> double { tiny with Heads = 3 } 1UL)

                refusesShape [ "even number of features"; "got 5" ] (fun () ->
                    double { tiny with Features = 5; Heads = 1 } 1UL))

            testCase "settings of which there can be no model are refused by name, before anything is made" (fun () ->
                for name, settings in
                    [
                        "SourceVocabulary", TransformerSettings(SourceVocabulary = 0, TargetVocabulary = 5)
                        "TargetVocabulary", TransformerSettings(SourceVocabulary = 5, TargetVocabulary = -1)
                        "Features", TransformerSettings(SourceVocabulary = 5, TargetVocabulary = 5, Features = 0)
                        "HiddenFeatures",
                        TransformerSettings(SourceVocabulary = 5, TargetVocabulary = 5, HiddenFeatures = 0)
                        "MaximumLength",
                        TransformerSettings(SourceVocabulary = 5, TargetVocabulary = 5, MaximumLength = 0)
                        "EncoderLayers",
                        TransformerSettings(SourceVocabulary = 5, TargetVocabulary = 5, EncoderLayers = -1)
                        "DecoderLayers",
                        TransformerSettings(SourceVocabulary = 5, TargetVocabulary = 5, DecoderLayers = -1)
                        for rate in [ 1.0; 1.5; -0.1; nan ] do
                            "Dropout", TransformerSettings(SourceVocabulary = 5, TargetVocabulary = 5, Dropout = rate)
                        for eps in [ 0.0; -1e-5; nan ] do
                            "NormEps", TransformerSettings(SourceVocabulary = 5, TargetVocabulary = 5, NormEps = eps)
                    ] do
                    refusesRange [ name ] (fun () -> settings.ThrowIfImpossible())

                    refusesRange [ name ] (fun () -> Transformer<float32>(settings, RandomStream 1UL))

                refusesRange [ "rate must lie in [0, 1)" ] (fun () -> double { tiny with Dropout = 1.0 } 1UL)

                refusesShape [ "0 heads cannot share 4 features"; "divisor of 4" ] (fun () ->
                    double { tiny with Heads = 0 } 1UL)

                refusesShape [ "queries and keys of 0 features"; "null for 2" ] (fun () ->
                    double { tiny with KeySize = Some 0 } 1UL)

                refuses<ArgumentException, _> [ "5 source and 6 target tokens"; "one vocabulary for both" ] (fun () ->
                    TransformerSettings(SourceVocabulary = 5, TargetVocabulary = 6, ShareEmbeddings = true)
                        .ThrowIfImpossible())

                TransformerSettings(SourceVocabulary = 1, TargetVocabulary = 1, EncoderLayers = 0, DecoderLayers = 0)
                    .ThrowIfImpossible())

            testCase "a run that diverged names its step and the first tensor that is not finite" (fun () ->
                let model = single tiny 1UL
                let tape = Tape<float32>()
                let broken = model.Parameters |> Seq.find (fun p -> p.Name = "encoder.0.feedForward.expand.weight")
                broken.Value[0, 0] <- Single.NaN
                let loss = model.Loss(tape, PairBatch(pairs (RandomStream 1UL) tiny [ 2, 2 ]), 0.0)

                refuses<NonFiniteException, _> [ "step 31"; "'encoder.0.feedForward.expand.weight' [4, 5]" ] (fun () ->
                    FiniteGuard.ThrowIfNotFinite(31, loss, tape, model.Parameters)))
        ]

[<Tests>]
let tests = testList "Models.Transformer" [ structure; independence; refusals ]
