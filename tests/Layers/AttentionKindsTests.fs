/// What attention can do beside what its first paper does: sources of keys and values apart, grouped keys, dropout on the weights, queries
/// that come later than the first key.
module Hybrid.Tests.Layers.AttentionKindsTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private make keyHeads dropout =
    MultiHeadAttention<float>(8, 4, RandomStream 1UL, Nullable(), false, true, Option.toNullable keyHeads, dropout)

let private attend mask (x: Tensor<float> list) =
    valueOf x (fun _ x ->
        let struct (y, _) = x[0].Attention(x[1], x[2], 2, 0.7, mask)
        y)

[<Tests>]
let tests =
    testList
        "Layers.Attention, other kinds"
        [
            testCase "keys and values may have sources of their own; one source for both is the usual form" (fun () ->
                let random = RandomStream 2UL
                let q, k, v = normal random [ 1; 2; 8 ], normal random [ 1; 3; 8 ], normal random [ 1; 3; 8 ]
                let layer = make None 0.0
                let apart = valueOf [ q; k; v ] (fun _ x -> layer.Apply(x[0], x[1], x[2], AttentionMask.None))
                let same = valueOf [ q; k ] (fun _ x -> layer.Apply(x[0], x[1], AttentionMask.None))
                let both = valueOf [ q; k ] (fun _ x -> layer.Apply(x[0], x[1], x[1], AttentionMask.None))
                Expect.equal (floats same) (floats both) "one source"
                Expect.notEqual (floats apart) (floats same) "two sources"

                Gradients.expectGradient
                    "MultiHeadAttention (three sources)"
                    random
                    [ q; k; v ]
                    (List.ofSeq layer.Parameters)
                    (fun _ x -> layer.Apply(x[0], x[1], x[2], AttentionMask.None)))

            testCase
                "grouped keys need fewer weights, and equal one key for each head that is written several times"
                (fun () ->
                    let layer = make (Some 2) 0.0
                    Expect.equal (layer.KeyFeatures, layer.ValueFeatures) (4, 4) "width of keys and values"
                    Expect.equal layer.ParameterCount (int64 (64 + 32 + 32 + 64)) "weights"
                    let random = RandomStream 3UL
                    let q, k, v = normal random [ 1; 3; 8 ], normal random [ 1; 3; 4 ], normal random [ 1; 3; 4 ]

                    // Both heads of a group see its two features.
                    let repeated (x: Tensor<float>) =
                        tensor
                            [ 1; 3; 8 ]
                            (rowsOf x |> Array.collect (fun r -> [| r[0]; r[1]; r[0]; r[1]; r[2]; r[3]; r[2]; r[3] |]))

                    let value keyHeads x =
                        valueOf x (fun _ x ->
                            let struct (y, _) =
                                x[0].Attention(x[1], x[2], 4, 0.7, AttentionMask.Causal, Nullable keyHeads)

                            y)

                    expectClose
                        1e-14
                        (floats (value 2 [ q; k; v ]))
                        (floats (value 4 [ q; repeated k; repeated v ]))
                        "y")

            testCase
                "dropout falls on the weights while the tape trains, and is its expectation in evaluation"
                (fun () ->
                    let x = normal (RandomStream 4UL) [ 1; 3; 8 ]
                    let layer = make None 0.5
                    let plain = valueOf [ x ] (fun _ x -> (make None 0.0).Apply(x[0], x[0], AttentionMask.None))

                    Expect.equal
                        (floats (valueOf [ x ] (fun _ x -> layer.Apply(x[0], x[0], AttentionMask.None))))
                        (floats plain)
                        "evaluation"

                    let draws = RandomStream 5UL

                    let trained () =
                        valueOf [ x ] (fun tape x ->
                            use _ = tape.Training draws
                            layer.Apply(x[0], x[0], AttentionMask.None))
                        |> floats

                    let count = 4000

                    let mean =
                        Seq.init count (fun _ -> trained ())
                        |> Seq.reduce (Array.map2 (+))
                        |> Array.map (fun sum -> sum / float count)

                    expectClose 0.05 mean (floats plain) "mean of many masks"
                    Expect.notEqual (trained ()) (trained ()) "one mask"
                    covers [ "ATT-9" ])

            property 20 "queries that come later see what they would see among all" (fun sizes ->
                let random = sizes.Random
                let time, later = sizes.Rows + sizes.Columns, sizes.Columns
                let q, k, v = normal random [ 2; time; 4 ], normal random [ 2; time; 4 ], normal random [ 2; time; 6 ]
                let whole = attend AttentionMask.Causal [ q; k; v ]
                let first = time - later
                // Keys behind the last query are not yet written.
                let room = 2

                let padded (x: Tensor<float>) =
                    valueOf [ x ] (fun tape x ->
                        x[0]
                            .Concatenate(tape.Constant(mapTensor (fun _ -> 7.0) (part 1 0 1 x[0].Value)), 1)
                            .Concatenate(tape.Constant(mapTensor (fun _ -> -7.0) (part 1 0 1 x[0].Value)), 1))

                let some = attend (AttentionMask.CausalFrom first) [ part 1 first later q; padded k; padded v ]
                Expect.equal (padded k).Shape (shape [ 2; time + room; 4 ]) "room"
                expectClose 1e-14 (floats some) (floats (part 1 first later whole)) "y")

            testCase
                "heads of keys that divide nothing, rates outside [0, 1) and queries beyond the keys are refused"
                (fun () ->
                    for keyHeads in [ 3; 0; 8 ] do
                        refusesShape [ "choose a divisor of 4" ] (fun () -> make (Some keyHeads) 0.0)

                    for rate in [ -0.1; 1.0; nan ] do
                        refusesRange [ "dropout rate must lie in [0, 1)" ] (fun () -> make None rate)

                    refusesRange [ "first" ] (fun () -> AttentionMask.CausalFrom -1)
                    let x = zeros<float> [ 1; 2; 4 ]

                    refusesShape
                        [ "2 queries from position 1 on need as many keys"; "append the new keys first" ]
                        (fun () -> attend (AttentionMask.CausalFrom 1) [ x; x; x ])

                    refusesShape [ "2 heads of keys"; "[batch, keyTime, 2 · 1]" ] (fun () ->
                        valueOf [ zeros<float> [ 1; 2; 4 ]; zeros [ 1; 2; 4 ]; zeros [ 1; 2; 4 ] ] (fun _ x ->
                            let struct (y, _) = x[0].Attention(x[1], x[2], 4, 1.0, AttentionMask.None, Nullable 2)
                            y)))
        ]
