/// How near a pass comes to where it has no derivative, so that differences can be taken where it has one.
module Hybrid.Tests.Models.Kinks

open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tests.Support

/// Between the largest and the next, in each group of numbers.
let private gaps (groups: float[] seq) =
    [|
        for group in groups do
            let sorted = Array.sortDescending group
            sorted[0] - sorted[1]
    |]

let private windowsOf (made: Variable<float>) =
    let x = made.Inputs[0].Value
    let height, width, channels = x.Shape[1], x.Shape[2], x.Shape[3]
    let values = floats x

    [|
        for b in 0 .. x.Shape[0] - 1 do
            for i in 0 .. height / 2 - 1 do
                for j in 0 .. width / 2 - 1 do
                    for c in 0 .. channels - 1 do
                        [|
                            for u in 0..1 do
                                for v in 0..1 do
                                    values[((b * height + 2 * i + u) * width + 2 * j + v) * channels + c]
                        |]
    |]

/// What a rectified normalization computed before its rectifier.
let private beforeNorm (made: Variable<float>) =
    valueOf [ for input in made.Inputs -> input.Value ] (fun _ x ->
        if x.Length > 3 then
            x[0].BatchNormFixed(x[1], x[2], x[3], x[4], BatchNorm<float>.DefaultEps)
        else
            let struct (y, _, _) = x[0].BatchNorm(x[1], x[2], BatchNorm<float>.DefaultEps)
            y)

let private distances (made: Variable<float>) =
    let from (kinks: float list) =
        floats made.Inputs[0].Value |> Array.collect (fun x -> [| for kink in kinks -> x - kink |])

    match made.Rule with
    | "LinearRelu" -> floats (beforeRelu made)
    | "BatchNormRelu"
    | "BatchNormReluFixed" -> floats (beforeNorm made)
    | "Relu"
    | "LeakyRelu"
    | "PRelu"
    | "Elu"
    | "Selu" -> from [ 0.0 ]
    | "HardTanh" -> from [ -1.0; 1.0 ]
    | "HardSigmoid"
    | "HardSwish" -> from [ -3.0; 3.0 ]
    | "MaxPool2d" -> gaps (windowsOf made)
    | "Maxout" ->
        let units = made.Shape.Columns

        rowsOf made.Inputs[0].Value
        |> Seq.collect (fun row ->
            [ for unit in 0 .. units - 1 -> [| for at in unit..units .. row.Length - 1 -> row[at] |] ])
        |> gaps
    | _ -> [||]

/// The least distance from a kink of all that a tape has recorded.
let nearest (tape: Tape<float>) = tape.Recorded |> Seq.collect distances |> Seq.map abs |> Seq.fold min infinity
