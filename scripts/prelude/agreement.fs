namespace Hybrid.Scripts

open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Tensors
open MathNet.Numerics.LinearAlgebra

/// How pages check that longhand, core and central differences agree.
[<AutoOpen>]
module Agreement =
    /// A tensor of that shape with the numbers of a matrix, row by row.
    let asTensor (shape: int list) (m: Matrix<float>) = (Tensor.ofMatrix m).Reshape(Shape(Array.ofList shape))

    /// All numbers of a tensor, in the order in which they lie.
    let vectorOf (tensor: Tensor<float>) = vector (tensor.ToArray())

    /// Runs a rule in double and returns its value, and the gradient of each input for a cotangent.
    let runRule
        (record: Tape<float> -> Variable<float> list -> Variable<float>)
        (inputs: Tensor<float> list)
        (cotangent: Tensor<float>)
        =
        let tape = Tape<float>()
        let variables = inputs |> List.map tape.Input
        let output = record tape variables
        tape.Backward(output, cotangent.Reshape output.Value.Shape)

        output.Value.ToPersistent(), variables |> List.map (fun variable -> (nonNull variable.Gradient).ToPersistent())

    /// The core's numbers are those of the longhand, but for rounding; of the same shape, or of one with more axes.
    let agree name (longhand: Matrix<float>) (core: Tensor<float>) =
        check
            $"longhand = core, {name}"
            (Tensor.distance (Tensor.ofMatrix longhand) (core.Reshape(Shape(longhand.RowCount, longhand.ColumnCount))))
            1e-12

    /// The gradient of each input, by its name, is that of central differences along a direction drawn by chance.
    let differencesAlong
        (random: RandomStream)
        (name: string)
        (record: Tape<float> -> Variable<float> list -> Variable<float>)
        (inputs: (string * Tensor<float>) list)
        =
        let errors =
            GradCheck.Run(
                (fun tape variables -> record tape (List.ofArray variables)),
                [| for _, tensor in inputs -> tensor |],
                [||],
                random
            )

        for (input, _), error in Seq.zip inputs errors do
            check $"derived = differences, {name}, d{input}" error.Error 1e-6
