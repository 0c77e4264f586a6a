/// What holds of every rule: its gradient, both precisions, sums of gradients, inputs left alone, nothing and NaN; and of a fused rule that
/// it is what its composition of elementary rules says.
module Hybrid.Tests.Law

open System
open System.Numerics
open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Support

/// A rule as a function of variables, in either precision: `{ new IRule with member _.On x = x[0].LayerNorm(x[1], x[2]) }`.
type IRule =
    abstract On<'T
        when 'T: unmanaged
        and 'T: struct
        and 'T: (new: unit -> 'T)
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> : Variable<'T>[] -> Variable<'T>

type Case =
    {
        /// What the tests are called by; the rule's class first.
        Name: string
        Rule: IRule
        /// The same in elementary rules; None for an elementary rule.
        Composed: IRule option
        /// Inputs of some sizes, ten difference steps away from any kink.
        Draw: Sizes -> Tensor<float> list
        /// Inputs of an empty batch; None if there is no such thing.
        Empty: int list list option
        /// Whether NaN in the first element of the first input must show in the value.
        ShowsNaN: bool
        /// Ids of the equations that the law checks.
        Ids: string list
    }

/// Many rules at once: what is asked of each, the rule, and the same in elementary rules, if it is none itself.
type Entry<'T
    when 'T: unmanaged
    and 'T: struct
    and 'T: (new: unit -> 'T)
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>> =
    Case * (Variable<'T>[] -> Variable<'T>) * (Variable<'T>[] -> Variable<'T>) option

type ITable =
    abstract Entries<'T
        when 'T: unmanaged
        and 'T: struct
        and 'T: (new: unit -> 'T)
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> : unit -> Entry<'T> list

/// The usual answers to the questions of the law.
let private usual name draw ids =
    {
        Name = name
        Rule = Unchecked.defaultof<IRule>
        Composed = None
        Draw = draw
        Empty = None
        ShowsNaN = true
        Ids = ids
    }

let fused name draw ids on composed : Entry<'T> = usual name draw ids, on, Some composed
let elementary name draw ids on : Entry<'T> = usual name draw ids, on, None
let emptyAt extents ((case, on, composed): Entry<'T>) : Entry<'T> = { case with Empty = Some extents }, on, composed
let hidesNaN ((case, on, composed): Entry<'T>) : Entry<'T> = { case with ShowsNaN = false }, on, composed

/// The cases of a table.
let cases (table: ITable) =
    [
        for place, (case, _, composed) in List.indexed (table.Entries<float>()) ->
            { case with
                Rule =
                    { new IRule with
                        member _.On x =
                            let _, on, _ = table.Entries()[place]
                            on x
                    }
                Composed =
                    composed
                    |> Option.map (fun _ ->
                        { new IRule with
                            member _.On x =
                                let _, _, composed = table.Entries()[place]
                                composed.Value x
                        })
            }
    ]

/// Classes of the rules in a folder of core/Rules, by its files.
let private classesIn folder =
    [
        for file in IO.Directory.GetFiles(folder, "*.cs") do
            let name = nonNull (IO.Path.GetFileNameWithoutExtension file)

            match typeof<Forms>.Assembly.GetType $"Hybrid.Rules.{name}" with
            | null -> ()
            | found when found.IsPublic && found.GetMethods() |> Array.exists (fun m -> m.Name = "Forward") -> name
            | _ -> ()
    ]

/// That each rule in the folders of core/Rules that are meant is a case.
let expectComplete (cases: Case list) isMeant =
    let rules =
        IO.Directory.GetDirectories(IO.Path.Combine(Equations.root, "core", "Rules"))
        |> Seq.filter (IO.Path.GetFileName >> isMeant)
        |> Seq.collect classesIn
        |> set

    Expect.isNonEmpty rules "rules"

    Expect.equal
        (rules - set [ for case in cases -> (case.Name.Split ',')[0] ])
        Set.empty
        "rules that are held to no law; give each a case"

let private on (rule: IRule) (_: Tape<'T>) (x: Variable<'T>[]) = rule.On x

let private scaleOf (x: float[]) = x |> Array.map abs |> Array.fold max 1.0

/// |actual - expected| <= tolerance * the largest of expected, or 1.
let private expectSame tolerance actual expected message =
    expectClose (tolerance * scaleOf expected) actual expected message

/// Both compute the same value and gradients.
let private expectComposed (case: Case) composed (random: RandomStream) inputs =
    let y, d = runDouble (random.Split "cotangent") inputs (on case.Rule)
    let y', d' = runDouble (random.Split "cotangent") inputs (on composed)
    Expect.equal y.Shape y'.Shape "shape"
    expectSame 1e-10 (floats y) (floats y') "value"

    for i in 0 .. d.Length - 1 do
        expectSame 1e-10 (floats d[i]) (floats d'[i]) $"gradient of input {i}"

/// Single precision computes what double does, up to its rounding.
let private expectSingle (case: Case) inputs =
    let y, d = runDouble (RandomStream 1UL) inputs (on case.Rule)
    let y', d' = runSingle (RandomStream 1UL) (List.map toSingle inputs) (on case.Rule)
    expectSame 1e-4 (floats y') (floats y) "value"

    for i in 0 .. d.Length - 1 do
        expectSame 1e-3 (floats d'[i]) (floats d[i]) $"gradient of input {i}"

/// The whole law of a rule.
let law (case: Case) =
    testList
        case.Name
        [
            property 12 "the gradient agrees with central differences, also between other rules" (fun sizes ->
                Gradients.expectRule case.Name sizes.Random (case.Draw sizes) [] (on case.Rule)
                Equations.covers case.Ids)

            match case.Composed with
            | None -> ()
            | Some composed ->
                property 25 "is what its composition of elementary rules says, value and gradient" (fun sizes ->
                    expectComposed case composed sizes.Random (case.Draw sizes))

            property 10 "single precision computes the same" (fun sizes -> expectSingle case (case.Draw sizes))

            testCase "so it does on rows of whole vectors, and of one more or less" (fun () ->
                for columns in [ 7; 8; 9; 15; 16; 17; 31; 32; 33; 64; 65; 130 ] do
                    let inputs = case.Draw { Batch = 2; Rows = 3; Inner = 4; Columns = columns; Seed = columns }
                    Option.iter (fun composed -> expectComposed case composed (RandomStream 1UL) inputs) case.Composed
                    expectSingle case inputs)

            property 10 "a variable that goes in twice gets both gradients" (fun sizes ->
                let inputs = case.Draw sizes |> Array.ofList

                for i, j in Seq.allPairs (seq { 0 .. inputs.Length - 1 }) (seq { 0 .. inputs.Length - 1 }) do
                    if i < j && inputs[i].Shape = inputs[j].Shape then
                        let apart = Array.mapi (fun k x -> if k = j then inputs[i] else x) inputs
                        let y, d = runDouble (RandomStream 2UL) (List.ofArray apart) (on case.Rule)

                        let twice _ (x: Variable<float>[]) =
                            case.Rule.On(Array.mapi (fun k x' -> if k = j then x[i] else x') x)

                        let y', d' = runDouble (RandomStream 2UL) (List.ofArray apart) twice
                        Expect.equal (y'.ToArray()) (y.ToArray()) "value"

                        expectSame
                            1e-12
                            (floats d'[i])
                            (floats (combine 1.0 d[i] 1.0 d[j]))
                            $"gradient of inputs {i} and {j}")

            property 10 "gradients that arrive twice add up, in memory that held other numbers" (fun sizes ->
                let inputs = case.Draw sizes
                let _, d = runDouble (RandomStream 3UL) inputs (on case.Rule)

                let _, d' =
                    runDouble (RandomStream 3UL) inputs (fun _ x -> case.Rule.On x + (case.Rule.On x).Scale 2.0)

                for i in 0 .. d.Length - 1 do
                    expectSame 1e-12 (floats d'[i]) (floats d[i] |> Array.map ((*) 3.0)) $"gradient of input {i}")

            property 5 "inputs and the cotangent stay as they are" (fun sizes ->
                let inputs = case.Draw sizes
                let before = [ for x in inputs -> x.ToArray() ]
                let y = valueOf inputs (on case.Rule)
                let cotangent = normal sizes.Random (List.ofArray (y.Shape.ToArray()))
                let flowing = cotangent.ToArray()
                runAlong cotangent inputs (on case.Rule) |> ignore
                Expect.equal [ for x in inputs -> x.ToArray() ] before "inputs"
                Expect.equal (cotangent.ToArray()) flowing "cotangent")

            match case.Empty with
            | None -> ()
            | Some extents ->
                testCase "an empty batch keeps its shape, forward and backward" (fun () ->
                    let y, d = runDouble (RandomStream 4UL) (List.map zeros<float> extents) (on case.Rule)
                    expectAllFinite y "value"

                    for dx, extents in Seq.zip d extents do
                        Expect.equal dx.Shape (shape extents) "shape of the gradient"
                        expectAllFinite dx "gradient")

            if case.ShowsNaN then
                property 5 "NaN does not pass silently" (fun sizes ->
                    let inputs = case.Draw sizes

                    if inputs.Head.Length > 0 then
                        inputs.Head.Span[0] <- nan
                        Expect.exists (floats (valueOf inputs (on case.Rule))) Double.IsNaN "value"
                        let single = List.map toSingle inputs
                        Expect.exists (floats (valueOf single (on case.Rule))) Double.IsNaN "value in single precision")
        ]
