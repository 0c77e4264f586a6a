module Hybrid.Tests.Layers.LayerTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private names (layer: Layer<float>) = layer.Parameters |> Seq.map _.Name |> List.ofSeq

let private apply (f: Tape<float> -> Variable<float> -> Variable<float>) (x: Tensor<float>) =
    let tape = Tape<float>()
    (f tape (tape.Input x)).Value.ToPersistent()

[<Tests>]
let tests =
    testList
        "Layers.Layer"
        [
            testCase "a linear layer has a weight, a bias of zeros where asked for, and computes x W + b" (fun () ->
                let random = RandomStream 1UL
                let layer = Linear<float>(3, 2, random, true)
                Expect.equal (names layer) [ "weight"; "bias" ] "names"
                Expect.equal layer.ParameterCount 8L "count"
                let x = normal random [ 4; 3 ]

                let withoutBias = valueOf [ x; layer.Weight.Value ] (fun _ x -> x[0].Linear(x[1]))

                Expect.equal (floats (apply (fun _ x -> layer.Apply(x)) x)) (floats withoutBias) "bias of zeros"

                let bare = Linear<float>(3, 2, random, false)
                Expect.isNull bare.Bias "no bias"
                Expect.equal (names bare) [ "weight" ] "names without"
                Expect.equal (apply (fun _ x -> bare.Apply(x)) x).Shape (shape [ 4; 2 ]) "shape")

            testCase "a layer norm starts as the identity on normalized rows" (fun () ->
                let layer = LayerNorm<float>(4)
                Expect.equal (names layer) [ "gain"; "bias" ] "names"
                let y = apply (fun _ x -> layer.Apply(x)) (tensor [ 1; 4 ] [ 1.0; -1.0; 1.0; -1.0 ])
                expectClose 1e-5 (floats y) [| 1.0; -1.0; 1.0; -1.0 |] "y")

            testCase "an embedding returns rows of variance 1, the root of the features times the table" (fun () ->
                let layer = Embedding<float>(400, 64, RandomStream 2UL, factor = 8.0)
                let tape = Tape<float>()
                let y = layer.Apply(tape, Array.init 400 id, shape [ 400 ])
                expectClose 1e-15 (floats y.Value) (floats layer.Table.Value |> Array.map ((*) 8.0)) "factor"
                let variance = floats y.Value |> Array.averageBy (fun value -> value * value)
                Expect.isLessThan (abs (variance - 1.0)) 0.05 "variance"
                Expect.equal (names layer) [ "table" ] "names")

            testCase
                "an embedding used backwards is x times the transposed table, not multiplied by the root"
                (fun () ->
                    let layer = Embedding<float>(5, 4, RandomStream 3UL, factor = 2.0)
                    let x = normal (RandomStream 4UL) [ 2; 4 ]

                    let expected = valueOf [ x; layer.Table.Value ] (fun _ x -> x[0].MatMul(x[1].Transpose()))

                    expectClose
                        1e-14
                        (floats (apply (fun _ x -> layer.ApplyTransposed(x)) x))
                        (floats expected)
                        "logits")

            testCase "a feed-forward layer is max(0, x W1 + b1) W2 + b2, at every position alike" (fun () ->
                let layer = FeedForward<float>(4, 6, RandomStream 5UL)

                Expect.equal
                    (names layer)
                    [ "expand.weight"; "expand.bias"; "contract.weight"; "contract.bias" ]
                    "names"

                let p = layer.Parameters |> Seq.map _.Value |> List.ofSeq
                let x = normal (RandomStream 6UL) [ 2; 3; 4 ]

                let longhand tape (x: Variable<float>[]) = x[0].Linear(x[1], x[2]).Relu().Linear(x[3], x[4])

                let y = apply (fun _ x -> layer.Apply(x)) x
                Expect.equal (floats y) (floats (valueOf (x :: p) longhand)) "y"

                let same =
                    apply (fun _ x -> layer.Apply(x)) (tensor [ 3; 4 ] (Array.replicate 3 (row 2 x) |> Array.concat))

                Expect.all (rowsOf same) ((=) (row 2 y)) "positions")

            testCase "layers refuse what their rules refuse" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input(zeros [ 2; 5 ])

                refusesShape [ "x must be [..., 3]" ] (fun () -> Linear<float>(3, 2, RandomStream 1UL, true).Apply(x))

                refusesShape [ "gain must be [5], got [4]" ] (fun () -> LayerNorm<float>(4).Apply(x))

                let embedding = Embedding<float>(5, 4, RandomStream 1UL)
                refusesShape [ "x must be [..., 4]" ] (fun () -> embedding.ApplyTransposed(x))

                refusesRange [ "id 5" ] (fun () -> embedding.Apply(tape, [| 5 |], shape [ 1 ])))
        ]
