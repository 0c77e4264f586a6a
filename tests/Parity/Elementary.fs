/// Elementary rules, each beside the same in torch.
module Hybrid.Parity.Elementary

open System
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Parity.Table
open TorchSharp

let private anyPair random = broadcast random (anyShape random)
let private anySign random = if flip random then 1.0 else -1.0
let private long (numbers: int seq) = [| for number in numbers -> int64<int> number |]

/// Over some axes, counted from either end, kept or not; over all, for which we name none and torch names each. Numbers are distinct,
/// as normal numbers are: torch would share the gradient of a maximum out among equals.
let private reduced random (ours: Variable<'T> -> int[] * bool -> Variable<'T>) theirs =
    let shape = anyShape random
    let keep = flip random

    let axes =
        [|
            for axis in 0 .. shape.Length - 1 do
                if flip random then
                    if flip random then axis else axis - shape.Length
        |]

    random.Shuffle(axes.AsSpan())
    let named = if axes.Length = 0 then seq { 0 .. shape.Length - 1 } else axes
    one shape (fun x -> ours x (axes, keep)) (fun x -> theirs x (long named, keep))

/// Ids of rows of so many, as many as the leading shape asks for, and the shape of a row.
let private indexed (random: RandomStream) =
    let rows, leading = whole random 1 30, fewAxes random 2
    let row = if flip random then fewAxes random 2 else [ whole random 1 70 ]
    rows, leading, row, [| for _ in 1 .. Numbers.count leading -> random.NextBelow rows |]

let private table<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> Numerics.IBinaryFloatingPointIeee754<'T>>
    ()
    : Entry<'T> list =
    [
        nameof Abs, fun random -> one (anyShape random) _.Abs() _.abs()
        nameof Add, fun random -> two (anyPair random) (fun a b -> a + b) (fun a b -> a + b)
        nameof Clamp,
        fun random ->
            let low = random.NextNormal()
            let high = low + random.NextUniform()
            one (anyShape random) _.Clamp(low, high) _.clamp(low.ToScalar(), high.ToScalar())
        nameof Concatenate,
        fun random ->
            let shape = anyShape random
            let axis = axisOf random shape.Length
            let part _ = List.updateAt (index axis shape.Length) (whole random 1 9) shape

            List.init (whole random 1 4) part,
            (fun x -> Forms.Concatenate(x, axis)),
            (fun x -> torch.cat (List.toArray x, int64 axis))
        nameof Divide,
        fun random -> two (anyPair random) (fun a b -> a / b) (fun a b -> a / b) |> apart (anySign random)
        nameof Exp, fun random -> one (anyShape random) _.Exp() _.exp() |> wide
        nameof Gather,
        fun random ->
            let rows, leading, row, ids = indexed random

            one
                (rows :: row)
                _.Gather(ids, Numbers.shape leading)
                _.index_select(0L, Formulas.ids ids [ ids.Length ]).reshape(long (leading @ row))
        nameof Log, fun random -> one (anyShape random) _.Log() _.log() |> apart 1.0
        nameof LogSoftmax,
        fun random -> one (anyShape random) _.LogSoftmax() (fun x -> torch.nn.functional.log_softmax (x, -1L)) |> wide
        nameof LogSumExp,
        fun random ->
            let shape = anyShape random
            let axis, keep = axisOf random shape.Length, flip random
            one shape _.LogSumExp(axis, keep) _.logsumexp(int64 axis, keep) |> wide
        nameof MatMul,
        fun random ->
            let a, b = broadcast random (fewAxes random 2)
            let m, k, n = whole random 1 40, whole random 1 70, whole random 1 40
            two (a @ [ m; k ], b @ [ k; n ]) (fun a b -> a.MatMul b) (fun a b -> torch.matmul (a, b))
        nameof Max, fun random -> reduced random (fun x -> x.Max) (fun x (axes, keep) -> x.amax (axes, keep))
        nameof Maximum, fun random -> two (anyPair random) (fun a b -> a.Maximum b) (fun a b -> a.maximum b)
        nameof Mean, fun random -> reduced random (fun x -> x.Mean) (fun x (axes, keep) -> x.mean (axes, keep))
        nameof Minimum, fun random -> two (anyPair random) (fun a b -> a.Minimum b) (fun a b -> a.minimum b)
        nameof Multiply, fun random -> two (anyPair random) (fun a b -> a * b) (fun a b -> a * b)
        nameof Negate, fun random -> one (anyShape random) (~-) (~-)
        nameof NormalCdf, fun random -> one (anyShape random) _.NormalCdf() torch.special.ndtr |> wide
        nameof Permute,
        fun random ->
            let shape = anyShape random
            let order = [| 0 .. shape.Length - 1 |]
            random.Shuffle(order.AsSpan())
            let order = [| for axis in order -> if flip random then axis else axis - shape.Length |]
            one shape _.Permute(order) _.permute(long order)
        nameof Pick,
        fun random ->
            let shape = anyShape random
            let rows = List.take (shape.Length - 1) shape
            let ids = [| for _ in 1 .. Numbers.count rows -> random.NextBelow(List.last shape) |]
            one shape _.Pick(ids) _.gather(-1L, Formulas.ids ids (rows @ [ 1 ])).squeeze(-1L)
        // Of a negative number there are whole powers alone.
        nameof Power,
        fun random ->
            let isWhole = flip random
            let p = if isWhole then float (whole random -3 4) else 3.0 * random.NextNormal()

            one (anyShape random) _.Power(p) _.pow(p.ToScalar())
            |> apart (if isWhole then anySign random else 1.0)
        nameof Reshape,
        fun random ->
            let x = anyShape random
            let y = if flip random then [ Numbers.count x ] else List.rev x
            one x _.Reshape(Numbers.shape y) _.reshape(long y)
        nameof Scale,
        fun random ->
            let factor = 6.0 * random.NextUniform() - 3.0
            one (anyShape random) (fun x -> factor * x) (fun x -> x * Formulas.number x factor)
        nameof ScatterAdd,
        fun random ->
            let rows, leading, row, ids = indexed random

            one (leading @ row) _.ScatterAdd(ids, rows, Numbers.shape leading) (fun x ->
                torch
                    .zeros(long (rows :: row), dtype = x.dtype)
                    .index_add(
                        0L,
                        Formulas.ids ids [ ids.Length ],
                        x.reshape (long (ids.Length :: row)),
                        (1).ToScalar()
                    ))
        nameof Slice,
        fun random ->
            let shape = anyShape random
            let axis = axisOf random shape.Length
            let extent = shape[index axis shape.Length]
            let length = whole random 1 extent
            let start = whole random 0 (extent - length)
            one shape _.Slice(axis, start, length) _.narrow(int64 axis, int64 start, int64 length)
        // Some of the parts, in any order: no gradient arrives at the others.
        nameof Split,
        fun random ->
            let shape = anyShape random
            let axis, n = axisOf random shape.Length, whole random 1 4
            let shape = shape |> List.updateAt (index axis shape.Length) (n * whole random 1 9)
            let used = [| 0 .. n - 1 |]
            random.Shuffle(used.AsSpan())
            let used = Array.take (whole random 1 n) used

            one
                shape
                (fun x ->
                    let parts = x.Split(n, axis)
                    joined [ for i in used -> parts[i] ])
                (fun x ->
                    let parts = x.chunk (int64 n, int64 axis)
                    theirsJoined [ for i in used -> parts[i] ])
        nameof Sqrt, fun random -> one (anyShape random) _.Sqrt() _.sqrt() |> apart 1.0
        nameof Square, fun random -> one (anyShape random) _.Square() _.square()
        nameof Stack,
        fun random ->
            let shape = anyShape random
            let axis = axisOf random (shape.Length + 1)

            List.replicate (whole random 1 4) shape,
            (fun x -> Forms.Stack(x, axis)),
            (fun x -> torch.stack (List.toArray x, int64 axis))
        nameof Subtract, fun random -> two (anyPair random) (fun a b -> a - b) (fun a b -> a - b)
        nameof Sum, fun random -> reduced random (fun x -> x.Sum) (fun x (axes, keep) -> x.sum (axes, keep))
        nameof Transpose,
        fun random ->
            one (fewAxes random 2 @ [ whole random 1 40; whole random 1 40 ]) _.Transpose() _.transpose(-1L, -2L)
        nameof Where,
        fun random ->
            let shape = anyShape random
            let mask, _ = broadcast random shape
            let chosen = [| for _ in 1 .. Numbers.count mask -> float (random.NextBelow 2) |]

            two (broadcast random shape) (fun a b -> a.Where(Numbers.ours<'T> mask chosen, b)) (fun a b ->
                torch.where ((Numbers.theirs<float> mask chosen).``to``(torch.bool), a, b))
    ]

let all =
    Table.cases
        { new ITable with
            member _.Entries() = table ()
        }
