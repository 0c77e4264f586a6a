/// Elementary rules, each too plain to be wrong, of which other functions are composed on the same tape to compare with.
module Hybrid.Tests.Oracle

open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Support

/// A function of each element, and its derivative.
let private elementary (name: string) f slope (tape: Tape<float>) (x: Variable<float>) =
    let pullback =
        Pullback<float>(fun dy gradients ->
            if gradients.Wants 0 then
                let slot = gradients.Slot(0).Span

                for i in 0 .. slot.Length - 1 do
                    slot[i] <- slot[i] + slope x.Value.Span[i] * dy.Span[i])

    tape.Record(name, struct (mapTensor f x.Value, pullback), x)

let exp' tape x = elementary "exp" exp exp tape x
let log' tape x = elementary "log" log (fun x -> 1.0 / x) tape x
let reciprocal tape x = elementary "reciprocal" (fun x -> 1.0 / x) (fun x -> -1.0 / (x * x)) tape x
/// The standard normal distribution, by another's hand.
let probabilityOf x = 0.5 * MathNet.Numerics.SpecialFunctions.Erfc(-x / sqrt 2.0)

let probability tape x =
    elementary "probability" probabilityOf (fun x -> exp (-0.5 * x * x) / sqrt (2.0 * System.Math.PI)) tape x

let plus c tape x = elementary "plus" ((+) c) (fun _ -> 1.0) tape x
let times c tape x = elementary "times" ((*) c) (fun _ -> c) tape x

let multiply (tape: Tape<float>) (a: Variable<float>) (b: Variable<float>) =
    let toSlot (gradients: Gradients<float>) i (other: Tensor<float>) (dy: Tensor<float>) =
        if gradients.Wants i then
            let slot = gradients.Slot(i).Span

            for j in 0 .. slot.Length - 1 do
                slot[j] <- slot[j] + other.Span[j] * dy.Span[j]

    let pullback =
        Pullback<float>(fun dy gradients ->
            toSlot gradients 0 b.Value dy
            toSlot gradients 1 a.Value dy)

    let product = Array.map2 (*) (a.Value.ToArray()) (b.Value.ToArray())
    tape.Record("multiply", struct (Tensor.From(a.Value.Shape, System.ReadOnlySpan product), pullback), a, b)

/// f x where the condition on x holds, elsewhere g x; the gradient goes the same way.
let where condition f g (tape: Tape<float>) (x: Variable<float>) =
    let mask isMeant = tape.Constant(mapTensor (fun x -> if condition x = isMeant then 1.0 else 0.0) x.Value)

    let part isMeant (f: Tape<float> -> Variable<float> -> Variable<float>) = multiply tape (f tape x) (mask isMeant)
    (part true f) + (part false g)
