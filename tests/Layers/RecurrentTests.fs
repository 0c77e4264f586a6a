module Hybrid.Tests.Layers.RecurrentTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

/// The plainest network of all (Elman 1990), as a reader writes one.
type private Elman(inFeatures, hidden, random) =
    inherit Recurrent<float>(inFeatures, hidden, 1, 1, random)
    override layer.Step(input, state) = [| (input + layer.State.Apply(state[0])).Tanh() |]

/// A cell that says it keeps one tensor and gives two.
type private Talkative(inFeatures, hidden, random) =
    inherit Recurrent<float>(inFeatures, hidden, 1, 1, random)
    override _.Step(input, state) = [| input; state[0] |]

let private sigma x = 1.0 / (1.0 + exp -x)

/// x W + b of one row.
let private affine (weight: Tensor<float>) (bias: Tensor<float>) (x: float[]) =
    Array.init bias.Length (fun j -> bias[j] + Seq.sum (Seq.init x.Length (fun k -> x[k] * weight[k, j])))

/// Each layer, the number of its states, and a step of one row longhand: from what the input and the last output give, and the state.
let private kinds =
    [
        "Lstm",
        (fun (inFeatures, hidden, random) -> Lstm<float>(inFeatures, hidden, random) :> Recurrent<float>),
        2,
        fun (a: float[]) (b: float[]) (state: float[][]) ->
            let n = state[0].Length
            let gate squash i j = squash (a[i * n + j] + b[i * n + j])

            let c = Array.init n (fun j -> gate sigma 1 j * state[1][j] + gate sigma 0 j * gate tanh 2 j)
            [| Array.init n (fun j -> gate sigma 3 j * tanh c[j]); c |]
        "Gru",
        (fun (inFeatures, hidden, random) -> Gru<float>(inFeatures, hidden, random)),
        1,
        fun a b state ->
            let n = state[0].Length

            [|
                Array.init n (fun j ->
                    let r, z = sigma (a[j] + b[j]), sigma (a[n + j] + b[n + j])
                    (1.0 - z) * tanh (a[2 * n + j] + r * b[2 * n + j]) + z * state[0][j])
            |]
        "Elman",
        (fun (inFeatures, hidden, random) -> Elman(inFeatures, hidden, random)),
        1,
        fun a b _ -> [| Array.map2 (fun a b -> tanh (a + b)) a b |]
    ]

/// A layer and its input, [batch, rows, inner], and a state before the first step.
let private drawn make states (sizes: Sizes) =
    let layer: Recurrent<float> = make (sizes.Inner, sizes.Columns, RandomStream(uint64 sizes.Seed))
    let random = sizes.Random.Split "inputs"
    let x = normal random [ sizes.Batch; sizes.Rows; sizes.Inner ]
    layer, x, [ for _ in 1..states -> normal random [ sizes.Batch; sizes.Columns ] ]

/// Outputs and last state, as arrays.
let private unroll (layer: Recurrent<float>) x (state: Tensor<float> list) (lengths: int[] option) =
    let tape = usedTape ()
    let parts = [| for part in state -> tape.Constant part |]

    let struct (outputs, last) =
        layer.Unroll(
            tape.Constant x,
            (if List.isEmpty state then Unchecked.defaultof<_> else parts),
            Option.toObj lengths
        )

    outputs.Value.ToPersistent(), [ for part in last -> part.Value.ToPersistent() ]

let private lengthsOf (sizes: Sizes) =
    [| for row in 0 .. sizes.Batch - 1 -> (sizes.Seed + 2 * row) % (sizes.Rows + 1) |]

let private laws (name, make, states, step) =
    testList
        name
        [
            property 25 "equals its equations, step by step and longhand" (fun sizes ->
                let layer, x, state = drawn make states sizes
                let p = [ for Named(_, value) in layer.Parameters -> value ]
                let outputs, last = unroll layer x state None

                for row in 0 .. sizes.Batch - 1 do
                    let mutable current = [| for part in state -> (rowsOf part)[row] |]

                    for t in 0 .. sizes.Rows - 1 do
                        let a = affine p[0] p[1] (Array.init sizes.Inner (fun k -> x[row, t, k]))
                        current <- step a (affine p[2] p[3] current[0]) current
                        let output = Array.init sizes.Columns (fun j -> outputs[row, t, j])
                        expectClose 1e-13 output current[0] $"row {row}, step {t}"

                    for part, expected in Seq.zip last current do
                        expectClose 1e-13 ((rowsOf part)[row]) expected $"state of row {row}")

            property
                8
                "its gradient agrees with central differences through time: input, state and parameters"
                (fun sizes ->
                    let layer, x, state = drawn make states sizes

                    let record lengths _ (x: Variable<float>[]) =
                        let struct (outputs, last) = layer.Unroll(x[0], x[1..], lengths)

                        Array.append [| outputs.Reshape(sizes.Batch * sizes.Rows, sizes.Columns) |] last
                        |> _.Concatenate(0)

                    for lengths in [ Array.replicate sizes.Batch sizes.Rows; lengthsOf sizes ] do
                        Gradients.expectGradient
                            $"{name} (layer)"
                            sizes.Random
                            (x :: state)
                            (List.ofSeq layer.Parameters)
                            (record lengths))

            propertyUpTo 40 10 "a step at a time, or a state that is handed on, gives the same bits" (fun sizes ->
                let layer, x, state = drawn make states sizes
                let outputs, last = unroll layer x state None

                let parts, final =
                    [ 0 .. sizes.Rows - 1 ]
                    |> List.mapFold (fun state t -> unroll layer (part 1 t 1 x) state None) state

                for t, step in List.indexed parts do
                    Expect.equal (floats step) (floats (part 1 t 1 outputs)) $"step {t}"

                Expect.equal (List.map floats final) (List.map floats last) "state")

            property
                15
                "padding changes nothing: outputs behind an end are 0, and the state is that of the end"
                (fun sizes ->
                    let layer, x, state = drawn make states sizes
                    let lengths = lengthsOf sizes
                    let outputs, last = unroll layer x state (Some lengths)

                    for row, length in Seq.indexed lengths do
                        let own = [ for part in state -> rowAt row part ]

                        let expected, final =
                            if length = 0 then
                                zeros [ 1; 0; sizes.Columns ], own
                            else
                                unroll layer (part 1 0 length (part 0 row 1 x)) own None

                        let actual = part 0 row 1 outputs
                        Expect.equal (floats (part 1 0 length actual)) (floats expected) "outputs"
                        Expect.all (floats (part 1 length (sizes.Rows - length) actual)) ((=) 0.0) "behind the end"

                        Expect.equal
                            [ for part in last -> row |> (rowsOf part).GetValue |> unbox ]
                            (List.map floats final)
                            "state")

            property 10 "starts from zeros, and is one of a chain" (fun sizes ->
                let layer, x, _ = drawn make states sizes
                let nothing = List.replicate states (zeros [ sizes.Batch; sizes.Columns ])
                let outputs, _ = unroll layer x nothing None
                let chain = Sequential<float>(layer, make (sizes.Columns, 2, RandomStream 7UL))
                let alone = make (sizes.Columns, 2, RandomStream 7UL)
                let expected, _ = unroll alone outputs [] None
                Expect.equal (floats (valueOf [ x ] (fun _ x -> chain.Apply x[0]))) (floats expected) "outputs")

            testCase "in inference it gives the same bits" (fun () ->
                let layer: Recurrent<float> = make (3, 5, RandomStream 1UL)
                let x = normal (RandomStream 2UL) [ 2; 6; 3 ]
                let outputs, last = unroll layer x [] None
                let tape = Tape<float>()
                use _ = tape.Inference()
                let struct (y, state) = layer.Unroll(tape.Constant x)
                Expect.equal (floats y.Value) (floats outputs) "outputs"
                Expect.equal [ for part in state -> floats part.Value ] (List.map floats last) "state")

            testCase "weights and biases are uniform in one over the root of the hidden units" (fun () ->
                let layer: Recurrent<float> = make (30, 100, RandomStream 1UL)

                Expect.equal
                    [ for Named(name, _) in layer.Parameters -> name ]
                    [ "input.weight"; "input.bias"; "state.weight"; "state.bias" ]
                    "names"

                for Named(name, value) in layer.Parameters do
                    let values = floats value
                    Expect.isLessThanOrEqual (Seq.max (Seq.map abs values)) 0.1 name
                    // The variance of the square of a uniform number is 4/5 of its variance squared.
                    let variance = Seq.averageBy (fun x -> x * x) values
                    let fiveErrors = 5.0 * sqrt (0.8 / float values.Length)
                    expectNear fiveErrors (variance / (0.01 / 3.0)) 1.0 name)

            testCase "inputs, states and lengths that do not fit are refused" (fun () ->
                let layer: Recurrent<float> = make (3, 5, RandomStream 1UL)
                let tape = Tape<float>()
                let constant extents = tape.Constant(zeros extents)
                let x = constant [ 2; 4; 3 ]
                let state = Array.init states (fun _ -> constant [ 2; 5 ])

                for extents in [ [ 2; 4; 5 ]; [ 2; 0; 3 ]; [ 4; 3 ]; [ 1; 2; 4; 3 ] ] do
                    refusesShape
                        [ $"x must be [batch, time, 3] with one step or more, got {shape extents}"; "[batch, 1, 3]" ]
                        (fun () -> layer.Unroll(constant extents))

                for extents in [ [ 2; 3 ]; [ 1; 5 ]; [ 5 ] ] do
                    let wrong = Array.append state[1..] [| constant extents |]

                    refusesShape [ $"the state must be [2, 5], got {shape extents}"; "null for zeros" ] (fun () ->
                        layer.Unroll(x, wrong))

                for wrong in [ [||]; Array.append state state ] do
                    refusesShape
                        [ $"the state must be {states} of [2, 5], got {wrong.Length}"; "the last call" ]
                        (fun () -> layer.Unroll(x, wrong))

                refusesShape [ "3 lengths do not fit x [2, 4, 3]"; "each of 2 sequences" ] (fun () ->
                    layer.Unroll(x, state, [| 1; 2; 3 |]))

                for length in [ -1; 5 ] do
                    refusesRange [ "length must lie in 0 to 4" ] (fun () -> layer.Unroll(x, state, [| 1; length |])))
        ]

[<Tests>]
let tests =
    testList
        "Layers.Recurrent"
        [
            yield! List.map laws kinds

            testCase
                "sizes that are none, and a cell that gives another number of states than it says, are refused"
                (fun () ->
                    refusesRange [ "hidden" ] (fun () -> Gru<float>(3, 0, RandomStream 1UL))

                    refuses<InvalidOperationException, _> [ "Talkative gave 2 tensors for a state of 1" ] (fun () ->
                        Talkative(3, 4, RandomStream 1UL).Unroll(Tape<float>().Constant(zeros [ 2; 3; 3 ]))))

            testCase "the forget gate's bias starts higher where asked, all else as before" (fun () ->
                let biasOf forgetBias =
                    let layer = Lstm<float>(3, 4, RandomStream 1UL, forgetBias)
                    [ for Named(_, value) in layer.Parameters -> floats value ]

                let plain, raised = biasOf 0.0, biasOf 1.0
                Expect.equal raised[..2] plain[..2] "all but the state's bias"
                let added = Array.map2 (-) raised[3] plain[3]
                let expected = Array.init 16 (fun i -> if i / 4 = 1 then 1.0 else 0.0)
                expectClose 1e-15 added expected "bias of i, f, g, o")
        ]
