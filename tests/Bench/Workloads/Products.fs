/// Matrix products. A size reads rows x columns x inner.
module Hybrid.Bench.Products

open System
open System.Numerics
open Hybrid.Kernels
open Hybrid.Tensors
open TorchSharp

type private Form =
    | NN
    | NT
    | TN

/// A left factor is [rows, inner], or [inner, rows] to be read transposed; a right one [inner, columns] or [columns, inner].
let private extents form rows columns inner =
    match form with
    | NN -> [ rows; inner ], [ inner; columns ]
    | NT -> [ rows; inner ], [ columns; inner ]
    | TN -> [ inner; rows ], [ inner; columns ]

let private factor name shape = Inputs.uniform name 1.0 (List.fold (*) 1 shape)

/// The product of matrix i of two tensors into matrix i of the third.
let private multiply form rows columns inner (a: Tensor<'T>) (b: Tensor<'T>) (c: Tensor<'T>) i =
    let a = a.Span.Slice(i * rows * inner, rows * inner)
    let b = b.Span.Slice(i * inner * columns, inner * columns)
    let c = c.Span.Slice(i * rows * columns, rows * columns)

    match form with
    | NN -> Gemm.NN<'T>(rows, columns, inner, a, inner, b, columns, c, columns, false)
    | NT -> Gemm.NT<'T>(rows, columns, inner, a, inner, b, inner, c, columns, false)
    | TN -> Gemm.TN<'T>(rows, columns, inner, a, rows, b, columns, c, columns, false)

let private ours (convert: single -> 'T) form rows columns inner () =
    let left, right = extents form rows columns inner

    let tensor name shape =
        Tensor<'T>.From(Shape(List.toArray shape), ReadOnlySpan(Array.map convert (factor name shape)))

    let a, b = tensor "a" left, tensor "b" right
    let c = Tensor<'T>.Zeros(Shape(rows, columns))
    let run () = multiply form rows columns inner a b c 0

    {
        Run = run
        Results =
            fun () ->
                run ()
                [ c.ToArray() |> Array.map Double.CreateChecked ]
    }

let private theirs (kind: torch.ScalarType) form rows columns inner () =
    let kind = Torch.kind kind
    let left, right = extents form rows columns inner
    let tensor name shape = (Torch.tensor shape (factor name shape)).``to`` kind
    let a, b = tensor "a" left, tensor "b" right
    let a: torch.Tensor = if form = TN then a.t () else a
    let b: torch.Tensor = if form = NT then b.t () else b
    let c = torch.zeros (int64 rows, int64 columns, dtype = kind)
    // Into memory that is there already, as ours.
    let run = Torch.inference (fun () -> c.addmm_ (a, b, 0.0f, 1.0f) |> ignore)

    {
        Run = run
        Results =
            fun () ->
                run ()
                [ Torch.toArray c ]
    }

let private product floor stretch form rows columns inner =
    let size = if rows = columns && columns = inner then $"{rows}³" else $"{rows}x{columns}x{inner}"

    {
        Name = $"GEMM {size} %A{form}"
        Goal = Goal.goal floor stretch
        Tolerance = 1e-4
        IsStep = false
        Ours = ours id form rows columns inner
        Torch = theirs torch.ScalarType.Float32 form rows columns inner
    }

let private inDouble size =
    {
        Name = $"GEMM {size}³ NN, double"
        Goal = Goal.goal 0.90 1.0
        Tolerance = 1e-12
        IsStep = false
        Ours = ours float NN size size size
        Torch = theirs torch.ScalarType.Float64 NN size size size
    }

/// Products that are independent of each other, as attention has them: one of each head.
let private batched count rows columns inner =
    let left, right = [ count; rows; inner ], [ count; inner; columns ]
    let shape = Shape(count, rows, columns)

    let ours () =
        let tensor name shape = Tensor<single>.From(Shape(List.toArray shape), ReadOnlySpan(factor name shape))
        let a, b, c = tensor "a" left, tensor "b" right, Tensor<single>.Zeros shape

        let some (_: int) first last =
            for i in first .. last - 1 do
                multiply NN rows columns inner a b c i

        let body = Action<int, int, int> some
        let run () = Workers.For(count, 1, body)

        {
            Run = run
            Results =
                fun () ->
                    run ()
                    [ c.ToArray() |> Array.map float ]
        }

    let theirs () =
        let a, b = Torch.tensor left (factor "a" left), Torch.tensor right (factor "b" right)
        let multiply () = torch.bmm (a, b)
        { Run = Torch.inference (multiply >> ignore); Results = fun () -> [ Torch.toArray (multiply ()) ] }

    {
        Name = $"{count} products {rows}x{columns}x{inner}"
        Goal = Goal.goal 0.93 1.0
        Tolerance = 1e-4
        IsStep = false
        Ours = ours
        Torch = theirs
    }

let all =
    let small, large, transposed = product 1.0 1.2, product 0.90 1.0, product 0.85 0.95

    [
        for size in [ 128; 256 ] do
            for form in [ NN; NT; TN ] do
                small form size size size
        small NN 64 256 64
        small NT 64 256 64
        for size in [ 512; 1024 ] do
            large NN size size size
            large NT size size size
            transposed TN size size size
        large NN 2048 2048 2048
        large NN 2048 512 2048
        large NT 2048 512 2048
        transposed TN 512 2048 2048
        transposed TN 512 512 2048
        large NT 512 8000 512
        inDouble 512
        batched 64 64 64 64
        batched 32 128 128 64
    ]
