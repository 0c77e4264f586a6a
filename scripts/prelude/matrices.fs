namespace Hybrid.Scripts

open System
open Hybrid.Tensors
open MathNet.Numerics.LinearAlgebra

// The names are those of the package MathNet.Numerics.FSharp, which brings many more: to use it, reference it in
// prelude.fsx, open MathNet.Numerics.LinearAlgebra in the page, and remove this module.
[<AutoOpen>]
module Matrices =
    /// A matrix from its rows: matrix [ [ 1.0; 2.0 ]; [ 3.0; 4.0 ] ].
    let matrix (rows: seq<#seq<float>>) : Matrix<float> =
        Matrix<float>.Build.DenseOfRows(rows |> Seq.map (fun row -> row :> seq<float>))

    /// A vector from its elements: vector [ 1.0; 2.0 ].
    let vector (elements: seq<float>) : Vector<float> = Vector<float>.Build.DenseOfEnumerable elements

/// Between the core's tensors and the matrices of the longhand.
[<RequireQualifiedAccess>]
module Tensor =
    /// A tensor [rows, columns] with the numbers of a matrix.
    let ofMatrix (values: Matrix<float>) : Tensor<float> =
        Tensor<float>.From(Shape(values.RowCount, values.ColumnCount), ReadOnlySpan(values.ToRowMajorArray()))

    /// A tensor [length] with the numbers of a vector.
    let ofVector (values: Vector<float>) : Tensor<float> =
        Tensor<float>.From(Shape(values.Count), ReadOnlySpan(values.ToArray()))

    /// The greatest absolute difference of two tensors; NaN if any element is NaN, so that no check passes by it.
    let distance (a: Tensor<float>) (b: Tensor<float>) =
        ShapeException.ThrowIfNot(a.Shape, b.Shape, "the first tensor", "both must have one shape to be compared")
        let differences = Array.map2 (fun x y -> abs (x - y)) (a.ToArray()) (b.ToArray())
        if Array.exists Double.IsNaN differences then nan else Array.fold max 0.0 differences
