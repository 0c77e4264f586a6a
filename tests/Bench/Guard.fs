/// What the guard costs that looks at every parameter as the optimizer writes it. The core always has it, so the same loop
/// stands here twice, with it and without.
module Hybrid.Bench.Guard

open System
open System.Numerics
open System.Runtime.InteropServices
open Hybrid.Kernels
open Hybrid.Tensors

/// The guard's share of a whole step, in percent, at each size of model.
type Row =
    {
        Model: string
        Parameters: int
        GuardedMs: float
        UnguardedMs: float
        StepMs: float
        Percent: float
    }

/// Adam's loop over vectors, as core/Optimizers/Adam.cs has it, from first to last.
let inline private update
    guards
    (value: Tensor<single>)
    (gradient: Tensor<single>)
    (m: Tensor<single>)
    (v: Tensor<single>)
    first
    last
    =
    let values = MemoryMarshal.Cast<single, Vector<single>>(value.Span.Slice(first, last - first))
    let gradients = MemoryMarshal.Cast<single, Vector<single>>(gradient.Span.Slice(first, last - first))
    let ms = MemoryMarshal.Cast<single, Vector<single>>(m.Span.Slice(first, last - first))
    let vs = MemoryMarshal.Cast<single, Vector<single>>(v.Span.Slice(first, last - first))
    let epsilons = Vector<single> 1e-9f
    let mutable zeros = Vector<single>.Zero

    for i in 0 .. values.Length - 1 do
        let g = gradients[i]
        let mean = ms[i] * 0.9f + g * 0.1f
        let square = vs[i] * 0.98f + g * g * 0.02f
        ms[i] <- mean
        vs[i] <- square
        let updated = values[i] - mean * 1e-6f / (Vector.SquareRoot(square * 1.5f) + epsilons)
        values[i] <- updated

        if guards then
            zeros <- zeros + updated * Vector<single>.Zero

    if Vector.Sum zeros <> 0.0f then
        failwith "a parameter is not finite."

let private guarded value gradient m v first last = update true value gradient m v first last
let private unguarded value gradient m v first last = update false value gradient m v first last

let private row (size: TransformerSize) =
    let model = TransformerOurs.model size
    let zeros () = [| for parameter in model.Parameters -> Tensor<single>.Zeros parameter.Value.Shape |]
    let firsts, seconds = zeros (), zeros ()
    let parameters = Array.ofSeq model.Parameters

    let side update =
        let run () =
            for i in 0 .. parameters.Length - 1 do
                let parameter = parameters[i]

                Workers.For(
                    parameter.Value.Length,
                    1 <<< 14,
                    fun _ first last -> update parameter.Value parameter.Gradient firsts[i] seconds[i] first last
                )

        { Run = run; Results = fun () -> [] }

    let times = Interleaved.measure (side guarded) (side unguarded)

    let step = TransformerOurs.side size true ()
    let stepMs = (Interleaved.measure step step).OursMs

    {
        Model = size.Name
        Parameters = int model.ParameterCount
        GuardedMs = times.OursMs
        UnguardedMs = times.TorchMs
        StepMs = stepMs
        Percent = 100.0 * (times.OursMs - times.TorchMs) / stepMs
    }

let run () =
    let rows = [ for size in [ TransformerSize.small; TransformerSize.wide ] -> row size ]

    printfn
        $"""%-8s{"model"} %12s{"parameters"} %12s{"guarded ms"} %14s{"unguarded ms"} %10s{"step ms"} %16s{"share of step, %%"}"""

    for row in rows do
        printfn
            $"%-8s{row.Model} %12d{row.Parameters} %12.3f{row.GuardedMs} %14.3f{row.UnguardedMs} %10.2f{row.StepMs} %16.2f{row.Percent}"

    rows
