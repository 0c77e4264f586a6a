/// A recorded pass once more in torch: leaves become tensors of torch's, each step what the table says, and autograd does the rest.
module Hybrid.Parity.Replay

open System.Collections.Generic
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Tensors
open TorchSharp

/// Every rule of the core in torch, by the name that it is recorded under.
let table: IReadOnlyDictionary<string, Formula> =
    readOnlyDict (Table.Elementary.formulas @ Table.Functions.formulas @ Table.Composite.formulas)

/// What was not recorded, as torch is given it.
let leaf (x: Variable<'T>) =
    (Numbers.theirs<'T> (List.ofArray (x.Shape.ToArray())) (Numbers.ofOurs x.Value)).requires_grad_ x.WantsGradient

/// The values of all variables of a pass, whose chance came from a stream.
let run
    (table: IReadOnlyDictionary<string, Formula>)
    (chance: RandomStream)
    (leaf: Variable<'T> -> torch.Tensor)
    (tape: Tape<'T>)
    : IReadOnlyDictionary<Variable<'T>, torch.Tensor> =
    let values = Dictionary HashIdentity.Reference

    let rec valueOf (x: Variable<'T>) =
        match values.TryGetValue x with
        | true, value -> value
        | _ ->
            // A tape does not record what no gradient flows into, but the value knows what made it.
            if x.Inputs.Count > 0 then repeat x.Operation [ x ] else values[x] <- leaf x
            values[x]

    and repeat operation outputs =
        match table.TryGetValue operation.Rule with
        | true, formula ->
            let made = formula (Step(operation, chance)) [ for x in outputs.Head.Inputs -> valueOf x ]

            if made.Length <> outputs.Length then
                failwith $"{outputs.Length} values of {outputs.Head.Name} stand against {made.Length} of torch's"

            for output, value in List.zip outputs made do
                if value.shape <> extents output.Shape then
                    failwith $"{output.Name} is {output.Shape}, and torch's is %A{value.shape}"

                values[output] <- value
        | _ ->
            failwith
                $"the rule {operation.Rule} has no entry in tests/Parity/Table; write there what torch computes for it"

    for operation, outputs in tape.Recorded |> List.ofSeq |> List.groupBy _.Operation do
        repeat operation outputs

    values

/// The worst difference of the values that were computed.
let valuesApart (values: IReadOnlyDictionary<Variable<'T>, torch.Tensor>) =
    Numbers.worst
        [
            for entry in values do
                if entry.Key.Inputs.Count > 0 then
                    Numbers.distance (Numbers.ofOurs entry.Key.Value) (Numbers.ofTheirs entry.Value)
        ]

/// Running statistics of models, in torch.
type Statistics<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> System.ValueType
    and 'T :> System.Numerics.IBinaryFloatingPointIeee754<'T>>(models: IModel<'T> list) =
    let buffers =
        [
            for model in models do
                yield! model.Buffers
        ]

    let theirs = readOnlyDict [ for buffer in buffers -> buffer.Name, leaf buffer ]

    /// Moves them by the batches of a pass.
    member _.Follow (momentum: float) (tape: Tape<'T>) (values: IReadOnlyDictionary<Variable<'T>, torch.Tensor>) =
        for y in tape.Recorded do
            let named name = if y.Place = "" then name else $"{y.Place}.{name}"

            match y.Rule, theirs.TryGetValue(named "mean") with
            | ("BatchNorm" | "BatchNormRelu"), (true, mean) ->
                let x = values[y.Inputs[0]].detach()
                let rows, variance = x.reshape (-1L, Array.last x.shape), theirs[named "variance"]
                torch.nn.functional.batch_norm (rows, mean, variance, null, null, true, momentum) |> ignore
            | _ -> ()

    /// How far ours are from them.
    member _.Apart =
        Numbers.worst
            [
                for buffer in buffers ->
                    Numbers.distance (Numbers.ofOurs buffer.Value) (Numbers.ofTheirs theirs[buffer.Name])
            ]
