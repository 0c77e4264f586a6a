/// What of the core has to be compared, found by reflection: whoever adds a rule adds its comparison.
module Hybrid.Parity.Coverage

open System
open System.Reflection
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Parity.Cases
open Hybrid.Tensors

let private publicTypes space =
    [
        for found in typeof<Shape>.Assembly.GetExportedTypes() do
            if found.Namespace = space && not found.IsNested then
                found
    ]

let private plainName (found: Type) = found.Name.Split('`')[0]

/// Static classes are abstract and sealed; a list of choices computes nothing.
let private canBeUsed (found: Type) = not found.IsEnum && (not found.IsAbstract || found.IsSealed)

/// What returns a pullback, wherever it stands, by class and method; a method Forward goes by its class alone.
let private rules =
    let rec isPullback (returned: Type) =
        returned.IsGenericType
        && (returned.GetGenericTypeDefinition() = typedefof<Pullback<float>>
            || returned.GetGenericTypeDefinition() = typedefof<PullbackOfMany<float>>
            || returned.GetGenericArguments() |> Array.exists isPullback)

    [
        for found in typeof<Shape>.Assembly.GetExportedTypes() do
            for rule in found.GetMethods(BindingFlags.Public ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly) do
                if isPullback rule.ReturnType then
                    if rule.Name = "Forward" then found.Name else $"{found.Name}.{rule.Name}"
    ]

/// A rule may be compared several times, each time with something special about it behind a comma.
let private comparedRules =
    [ for name, _ in Rules.subjects.Draws<float>() -> name.Split(',')[0] ] |> List.distinct

/// By the names that rules are recorded under. A tape records a parameter by itself, too.
let private formulas = [ for entry in Replay.table -> entry.Key ] |> List.except [ "Of" ]

/// They draw numbers, or say something of a setting, and compute nothing that torch could be asked for.
let private notCompared =
    [
        nameof Hybrid.Layers.Initialization
        nameof Hybrid.Layers.WeightScaleExtensions
        nameof Hybrid.Layers.ActivationKindExtensions
    ]

let private layers =
    [
        for found in publicTypes "Hybrid.Layers" do
            if canBeUsed found && not (List.contains found.Name notCompared) then
                plainName found
    ]

let private derivesFrom (generic: Type) (found: Type) =
    Seq.unfold
        (fun (above: Type | null) ->
            match above with
            | null -> None
            | above -> Some(above, above.BaseType))
        found.BaseType
    |> Seq.exists (fun above -> above.IsGenericType && above.GetGenericTypeDefinition() = generic)

/// What is no optimizer is a schedule, or something done to gradients.
let private optimizers, private others =
    let found = publicTypes "Hybrid.Optimizers" |> List.filter canBeUsed

    let optimizers, rest = found |> List.partition (derivesFrom (typeof<Optimizer<float>>.GetGenericTypeDefinition()))

    List.map plainName optimizers, List.map plainName rest

let private models =
    [
        for found in publicTypes "Hybrid.Models" do
            if canBeUsed found && derivesFrom (typeof<Hybrid.Layers.Layer<float>>.GetGenericTypeDefinition()) found then
                plainName found
    ]

/// Complaints: what has no comparison, and comparisons of what there is no more.
let complaints =
    let compared =
        [
            "rule", rules, comparedRules
            "layer", layers, Layers.names
            "optimizer", optimizers, Optimizers.names
            "function", others, Optimizers.otherNames
            "model", models, Models.names
        ]

    [
        for kind, there, compared in compared do
            for name in List.except compared there do
                $"The {kind} {name} is not compared with torch; add it to the list of its kind in tests/Parity."

            for name in List.except there compared do
                $"The {kind} {name} is compared, but the core has none; remove it from tests/Parity."

        let recorded = List.map Rules.recorded rules

        for name in List.except formulas recorded do
            $"The rule {name} has no entry in tests/Parity/Table; write there what torch computes for it."

        for name in List.except recorded formulas do
            $"The rule {name} has an entry in tests/Parity/Table, but the core has none; remove it."
    ]
