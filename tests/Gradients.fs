/// The gradient test that every rule goes through, and the table of its worst errors.
module Hybrid.Tests.Gradients

open System
open System.Collections.Generic
open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Support

/// Most that a hand-derived gradient may differ from central differences, as GradCheck measures it.
let bound = 1e-6

/// A rule, or a composition of rules, recorded on a tape.
type Recorded = Tape<float> -> Variable<float>[] -> Variable<float>

let private worst = SortedDictionary<string, struct (int * float)>(StringComparer.Ordinal)

let private note rule error =
    lock worst (fun () ->
        match worst.TryGetValue rule with
        | true, struct (cases, largest) -> worst[rule] <- struct (cases + 1, max largest error)
        | _ -> worst[rule] <- struct (1, error))

/// One line for each rule: how many checks it went through, and their worst error.
let table () =
    lock worst (fun () ->
        [
            sprintf "%-28s%8s%24s" "rule" "cases" "worst gradient error"
            for KeyValue(rule, struct (cases, error)) in worst do
                sprintf "%-28s%8d%24.1e" rule cases error
        ])

/// Central differences agree with the pullbacks, for every input and every parameter.
let expectGradient rule (random: RandomStream) inputs (parameters: Parameter<float> list) (record: Recorded) =
    let errors = GradCheck.Run(Func<_, _, _>(record), List.toArray inputs, List.toArray parameters, random)
    let error = GradCheck.Worst errors
    note rule error

    if not (error < bound) then
        failtestf "%s: %A" rule (List.ofSeq errors)

let private alone (record: Recorded) (parameters: Parameter<float> list) : Recorded =
    let trained = parameters |> List.map (fun parameter -> parameter :> Variable<float>) |> Array.ofList
    fun tape inputs -> record tape (Array.append inputs trained)

/// The rule twice on the same inputs, themselves the outputs of another rule: gradients arrive twice and have to add up.
let private midGraph (record: Recorded) (parameters: Parameter<float> list) : Recorded =
    fun tape inputs ->
        let scaled = inputs |> Array.map (_.Scale(0.7))
        let apply = alone record parameters tape
        apply scaled + (apply scaled).Scale(-0.3)

/// Holding one input constant gives it no gradient and changes no bit of the others'.
let private expectConstantsLeftOut (random: RandomStream) (tensors: Tensor<float> list) (record: Recorded) =
    let cotangent =
        let y = valueOf tensors record
        normal random (List.ofArray (y.Shape.ToArray()))

    let _, wanted = runAlong cotangent tensors record

    for held in 0 .. tensors.Length - 1 do
        let tape = Tape()
        let make i (x: Tensor<float>) = if i = held then tape.Constant x else tape.Input x
        let variables = List.mapi make tensors |> Array.ofList
        let y = record tape variables

        if y.WantsGradient then
            tape.Backward(y, cotangent)
            Expect.isNull variables[held].Gradient $"input {held} is constant"

            for other in Seq.except [ held ] (seq { 0 .. tensors.Length - 1 }) do
                let gradient = (gradientOf variables[other]).ToArray()
                Expect.equal gradient (wanted[other].ToArray()) $"gradient of input {other} while {held} is constant"

/// The whole gradient test of a rule; record receives the inputs and after them the parameters.
let expectRule rule (random: RandomStream) (inputs: Tensor<float> list) (parameters: Tensor<float> list) record =
    let trained = parameters |> List.mapi (fun i value -> Parameter($"parameter {i}", value))
    expectGradient rule random inputs trained (alone record trained)
    expectGradient rule random inputs trained (midGraph record trained)
    expectConstantsLeftOut random (inputs @ parameters) record
