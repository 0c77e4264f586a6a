/// Draws for the elementary rules.
module Hybrid.Parity.Cases.Elementary

open System
open Hybrid.Autodiff
open Hybrid.Parity
open Hybrid.Parity.Draws
open Hybrid.Rules
open Hybrid.Tensors

let private anyPair random = broadcast random (anyShape random)
let private anySign random = if flip random then 1.0 else -1.0

/// Over some axes, counted from either end, kept or not; over all where none is named. Numbers are distinct, as normal numbers are:
/// torch would share the gradient of a maximum out among equals.
let private reduced random (f: Variable<'T> -> int[] * bool -> Variable<'T>) =
    let shape = anyShape random
    let keep = flip random

    let axes =
        [|
            for axis in 0 .. shape.Length - 1 do
                if flip random then
                    if flip random then axis else axis - shape.Length
        |]

    random.Shuffle(axes.AsSpan())
    one shape (fun x -> f x (axes, keep))

/// Ids of rows of so many, as many as the leading shape asks for, and the shape of a row.
let private indexed (random: RandomStream) =
    let rows, leading = whole random 1 30, fewAxes random 2
    let row = if flip random then fewAxes random 2 else [ whole random 1 70 ]
    rows, leading, row, [| for _ in 1 .. Numbers.count leading -> random.NextBelow rows |]

let draws () : (string * (RandomStream -> Draw<'T>)) list =
    [
        nameof Abs, fun random -> one (anyShape random) _.Abs()
        nameof Add, fun random -> two (anyPair random) (fun a b -> a + b)
        nameof Clamp,
        fun random ->
            let low = random.NextNormal()
            let high = low + random.NextUniform()
            one (anyShape random) _.Clamp(low, high)
        nameof Concatenate,
        fun random ->
            let shape = anyShape random
            let axis = axisOf random shape.Length
            let part _ = List.updateAt (index axis shape.Length) (whole random 1 9) shape
            some (List.init (whole random 1 4) part) (fun x -> Forms.Concatenate(x, axis))
        nameof Divide, fun random -> two (anyPair random) (fun a b -> a / b) |> apart (anySign random)
        nameof Exp, fun random -> one (anyShape random) _.Exp() |> wide
        nameof Gather,
        fun random ->
            let rows, leading, row, ids = indexed random
            one (rows :: row) _.Gather(ids, Numbers.shape leading)
        nameof Log, fun random -> one (anyShape random) _.Log() |> apart 1.0
        nameof LogSoftmax, fun random -> one (anyShape random) _.LogSoftmax() |> wide
        nameof LogSumExp,
        fun random ->
            let shape = anyShape random
            let axis, keep = axisOf random shape.Length, flip random
            one shape _.LogSumExp(axis, keep) |> wide
        nameof MatMul,
        fun random ->
            let a, b = broadcast random (fewAxes random 2)
            let m, k, n = whole random 1 40, whole random 1 70, whole random 1 40
            two (a @ [ m; k ], b @ [ k; n ]) (fun a b -> a.MatMul b)
        nameof Max, fun random -> reduced random _.Max
        nameof Maximum, fun random -> two (anyPair random) (fun a b -> a.Maximum b)
        nameof Mean, fun random -> reduced random _.Mean
        nameof Minimum, fun random -> two (anyPair random) (fun a b -> a.Minimum b)
        nameof Multiply, fun random -> two (anyPair random) (fun a b -> a * b)
        nameof Negate, fun random -> one (anyShape random) (~-)
        nameof NormalCdf, fun random -> one (anyShape random) _.NormalCdf() |> wide
        nameof Permute,
        fun random ->
            let shape = anyShape random
            let order = [| 0 .. shape.Length - 1 |]
            random.Shuffle(order.AsSpan())
            let order = [| for axis in order -> if flip random then axis else axis - shape.Length |]
            one shape _.Permute(order)
        nameof Pick,
        fun random ->
            let shape = anyShape random
            let rows = Numbers.count (List.take (shape.Length - 1) shape)
            let ids = [| for _ in 1..rows -> random.NextBelow(List.last shape) |]
            one shape _.Pick(ids)
        // Of a negative number there are whole powers alone.
        nameof Power,
        fun random ->
            let isWhole = flip random
            let p = if isWhole then float (whole random -3 4) else 3.0 * random.NextNormal()
            one (anyShape random) _.Power(p) |> apart (if isWhole then anySign random else 1.0)
        nameof Reshape,
        fun random ->
            let x = anyShape random
            let y = if flip random then [ Numbers.count x ] else List.rev x
            one x _.Reshape(Numbers.shape y)
        nameof Scale,
        fun random ->
            let factor = 6.0 * random.NextUniform() - 3.0
            one (anyShape random) (fun x -> factor * x)
        nameof ScatterAdd,
        fun random ->
            let rows, leading, row, ids = indexed random
            one (leading @ row) _.ScatterAdd(ids, rows, Numbers.shape leading)
        nameof Slice,
        fun random ->
            let shape = anyShape random
            let axis = axisOf random shape.Length
            let extent = shape[index axis shape.Length]
            let length = whole random 1 extent
            let start = whole random 0 (extent - length)
            one shape _.Slice(axis, start, length)
        // Some of the parts, in any order: no gradient arrives at the others.
        nameof Split,
        fun random ->
            let shape = anyShape random
            let axis, n = axisOf random shape.Length, whole random 1 4
            let shape = shape |> List.updateAt (index axis shape.Length) (n * whole random 1 9)
            let used = [| 0 .. n - 1 |]
            random.Shuffle(used.AsSpan())
            let used = Array.take (whole random 1 n) used

            one shape (fun x ->
                let parts = x.Split(n, axis)
                joined [ for i in used -> parts[i] ])
        nameof Sqrt, fun random -> one (anyShape random) _.Sqrt() |> apart 1.0
        nameof Square, fun random -> one (anyShape random) _.Square()
        nameof Stack,
        fun random ->
            let shape = anyShape random
            let axis = axisOf random (shape.Length + 1)
            some (List.replicate (whole random 1 4) shape) (fun x -> Forms.Stack(x, axis))
        nameof Subtract, fun random -> two (anyPair random) (fun a b -> a - b)
        nameof Sum, fun random -> reduced random _.Sum
        nameof Transpose, fun random -> one (fewAxes random 2 @ [ whole random 1 40; whole random 1 40 ]) _.Transpose()
        nameof Where,
        fun random ->
            let shape = anyShape random
            let mask, _ = broadcast random shape
            let chosen = [| for _ in 1 .. Numbers.count mask -> float (random.NextBelow 2) |]
            two (broadcast random shape) (fun a b -> a.Where(Numbers.ours<'T> mask chosen, b))
    ]
