/// Draws for functions of single numbers or rows.
module Hybrid.Parity.Cases.Functions

open System
open Hybrid.Parity
open Hybrid.Parity.Draws
open Hybrid.Rules
open Hybrid.Tensors

/// A value and its gate.
let private gated random f =
    let shape = anyShape random
    two (shape, shape) f |> wide

let draws () : (string * (RandomStream -> Draw<'T>)) list =
    [
        nameof Dropout,
        fun random ->
            let rate = 0.9 * random.NextUniform()
            one (anyShape random) _.Dropout(rate)
        nameof Elu,
        fun random ->
            let alpha = 4.0 * random.NextUniform()
            one (anyShape random) _.Elu(alpha) |> wide
        nameof GeGlu, fun random -> gated random (fun x gate -> x.GeGlu gate)
        nameof Gelu, fun random -> one (anyShape random) _.Gelu()
        "Gelu.ForwardTanh", fun random -> one (anyShape random) _.GeluTanh() |> wide
        nameof Glu, fun random -> gated random (fun x gate -> x.Glu gate)
        nameof HardSigmoid, fun random -> one (anyShape random) _.HardSigmoid() |> wide
        nameof HardSwish, fun random -> one (anyShape random) _.HardSwish() |> wide
        nameof HardTanh, fun random -> one (anyShape random) _.HardTanh() |> wide
        nameof LeakyRelu,
        fun random ->
            let slope = 2.0 * random.NextUniform() - 1.0
            one (anyShape random) _.LeakyRelu(slope) |> wide
        nameof LogSigmoid, fun random -> one (anyShape random) _.LogSigmoid() |> wide
        nameof Maxout,
        fun random ->
            let pieces, shape = whole random 1 6, anyShape random
            one (List.updateAt (shape.Length - 1) (pieces * List.last shape) shape) _.Maxout(pieces)
        nameof Mish, fun random -> one (anyShape random) _.Mish() |> wide
        nameof PRelu,
        fun random ->
            let x = anyShape random
            two (x, [ (if flip random then 1 else List.last x) ]) (fun x slope -> x.PRelu slope)
        nameof Relu, fun random -> one (anyShape random) _.Relu()
        nameof Selu, fun random -> one (anyShape random) _.Selu() |> wide
        nameof Sigmoid, fun random -> one (anyShape random) _.Sigmoid() |> wide
        nameof Softmax, fun random -> one (anyShape random) _.Softmax()
        nameof Softplus, fun random -> one (anyShape random) _.Softplus() |> wide
        nameof SwiGlu, fun random -> gated random (fun x gate -> x.SwiGlu gate)
        nameof Swish,
        fun random ->
            let beta = if flip random then 1.0 else 3.0 * random.NextUniform()
            one (anyShape random) _.Swish(beta) |> wide
        nameof Tanh, fun random -> one (anyShape random) _.Tanh() |> wide
    ]
