/// What holds of every optimizer; its own test keeps what its paper says.
module Hybrid.Tests.Optimizers.OptimizerLaw

open System
open System.Numerics
open System.Runtime.InteropServices
open System.Security.Cryptography
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

/// λ; β₁ or what else is kept of a velocity or a mean; β₂; ε. An optimizer takes those that it has.
type Constants = { Decay: float; Beta1: float; Beta2: float; Eps: float }

type Entry<'T
    when 'T: unmanaged
    and 'T: struct
    and 'T: (new: unit -> 'T)
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        /// The class first.
        Name: string
        Make: Constants -> Parameter<'T> list -> Optimizer<'T>
        /// One step of one number: of its count, the rate, the gradient, the number, and what is remembered; the number then.
        Longhand: Constants -> float -> float -> float -> float -> float[] -> float
        /// Whether a group can have a decay of its own.
        Decays: bool
        /// What overflows if a gradient is too large to be squared; None if nothing is squared.
        Squares: string option
        /// Constants outside their range, and what the message says.
        Refused: (string list * Constants) list
        /// Within which 50 steps in double equal the longhand: a root of a mean square that is nearly 0 magnifies rounding.
        Within: float
        /// Ids of the equations that the law checks.
        Ids: string list
    }

let private usual = { Decay = 0.1; Beta1 = 0.9; Beta2 = 0.95; Eps = 1e-4 }

let private drawn (random: RandomStream) =
    {
        Decay = 0.5 * random.NextUniform()
        Beta1 = 0.99 * random.NextUniform()
        Beta2 = 0.9 + 0.099 * random.NextUniform()
        Eps = 1e-3 * random.NextUniform() + 1e-9
    }

/// An optimizer with the usual answers to the questions of the law.
let entry name ids make longhand : Entry<'T> =
    {
        Name = name
        Make = make
        Longhand = longhand
        Decays = false
        Squares = None
        Refused = []
        Within = 1e-12
        Ids = ids
    }

let refusing fragments (changed: float -> Constants) values entry =
    { entry with Refused = entry.Refused @ [ for value in values -> fragments, changed value ] }

let private squaring what entry = { entry with Squares = Some what }
let private within bound entry = { entry with Within = bound }
let private beta1 value = { usual with Beta1 = value }
let private beta2 value = { usual with Beta2 = value }
let private eps value = { usual with Eps = value }
let private noPart = [ 1.0; -0.1; nan ]
let private notPositive = [ 0.0; -1.0; nan ]
let private none = [ -1e-9; nan; infinity ]

let private decaying entry =
    { entry with Decays = true }
    |> refusing [ "weight decay must be a finite number, 0 or more" ] (fun decay -> { usual with Decay = decay }) none

let private withMoments entry =
    entry
    |> squaring "the mean square of the gradient"
    |> within 1e-11
    |> refusing [ "A decay must lie in [0, 1)"; "beta1" ] beta1 noPart
    |> refusing [ "A decay must lie in [0, 1)"; "beta2" ] beta2 noPart
    |> refusing [ "eps must be positive" ] eps notPositive

let private descent c _ rate g x (m: float[]) =
    m[0] <- c.Beta1 * m[0] + g + c.Decay * x
    x - rate * m[0]

let private nesterov c _ rate g x (m: float[]) =
    let g = g + c.Decay * x
    m[0] <- c.Beta1 * m[0] + g
    x - rate * (g + c.Beta1 * m[0])

let private adam c t rate g x (m: float[]) =
    m[0] <- c.Beta1 * m[0] + (1.0 - c.Beta1) * g
    m[1] <- c.Beta2 * m[1] + (1.0 - c.Beta2) * g * g
    let mean, square = m[0] / (1.0 - c.Beta1 ** t), m[1] / (1.0 - c.Beta2 ** t)
    x - rate * mean / (sqrt square + c.Eps)

let private adamW c t rate g x m = adam c t rate g x m - rate * c.Decay * x

let private adaGrad c _ rate g x (m: float[]) =
    m[0] <- m[0] + g * g
    x - rate * g / (sqrt m[0] + c.Eps)

let private rmsProp c _ rate g x (m: float[]) =
    m[0] <- c.Beta1 * m[0] + (1.0 - c.Beta1) * g * g
    x - rate * g / (sqrt m[0] + c.Eps)

/// Every optimizer of the core, with all that it can be told.
let private entries () : Entry<'T> list =
    [
        entry "Sgd" [ "SGD-1"; "SGD-2"; "SGD-3" ] (fun c p -> Sgd<'T>(p, c.Beta1, c.Decay)) descent
        |> decaying
        |> refusing [ "Momentum must lie in [0, 1)" ] beta1 noPart
        entry "Sgd, Nesterov's" [ "SGD-4" ] (fun c p -> Sgd<'T>(p, c.Beta1, c.Decay, true)) nesterov
        |> decaying
        entry "Adam" [ "ADAM-1"; "ADAM-2"; "ADAM-3"; "ADAM-4" ] (fun c p -> Adam<'T>(p, c.Beta1, c.Beta2, c.Eps)) adam
        |> withMoments
        entry "AdamW" [ "ADAMW-1" ] (fun c p -> AdamW<'T>(p, c.Decay, c.Beta1, c.Beta2, c.Eps)) adamW
        |> decaying
        |> withMoments
        entry "AdaGrad" [ "ADAGRAD-1"; "ADAGRAD-2" ] (fun c p -> AdaGrad<'T>(p, c.Eps)) adaGrad
        |> squaring "the sum of squares of the gradient"
        |> refusing [ "eps must be a positive number"; "divided by 0" ] eps (infinity :: notPositive)
        entry "RmsProp" [ "RMSPROP-1"; "RMSPROP-2" ] (fun c p -> RmsProp<'T>(p, c.Beta1, c.Eps)) rmsProp
        |> squaring "the mean square of the gradient"
        |> within 1e-11
        |> refusing [ "A decay must lie in [0, 1)"; "never see" ] beta1 noPart
        |> refusing [ "eps must be a positive number"; "divided by 0" ] eps (infinity :: notPositive)
    ]

/// Each of them as it is if nothing is said, and the constants that it then has by its documentation.
let private defaults: (Entry<float> * Constants) list =
    let plain name decay beta1 beta2 eps longhand (make: Parameter<float> list -> Optimizer<float>) =
        entry name [] (fun _ p -> make p) longhand, { Decay = decay; Beta1 = beta1; Beta2 = beta2; Eps = eps }

    [
        plain "Sgd is plain descent" 0.0 0.0 0.0 0.0 descent (fun p -> Sgd<float> p)
        plain "Sgd with momentum has no decay" 0.0 0.9 0.0 0.0 descent (fun p -> Sgd<float>(p, 0.9))
        plain "Adam has those of its paper" 0.0 0.9 0.999 1e-8 adam (fun p -> Adam<float> p)
        plain "the Transformer's are those of its section 5.3" 0.0 0.9 0.98 1e-9 adam (fun p ->
            Adam<float>.OfTransformer p)
        plain "AdamW has Adam's and a decay of 0.01" 0.01 0.9 0.999 1e-8 adamW (fun p -> AdamW<float> p)
        plain "AdaGrad has an eps of 1e-10" 0.0 0.0 0.0 1e-10 adaGrad (fun p -> AdaGrad<float> p)
        plain "RmsProp has the lecture's decay of 0.9 and an eps of 1e-8" 0.0 0.9 0.0 1e-8 rmsProp (fun p ->
            RmsProp<float> p)
    ]

let private parameter name (start: Tensor<float>) =
    Parameter<'T>(name, Tensor<'T>.From(start.Shape, ReadOnlySpan(Array.map 'T.CreateChecked (floats start))))

let private stepAlong (gradients: float[] list) rate (optimizer: Optimizer<'T>) =
    for parameter, gradient in Seq.zip optimizer.Parameters gradients do
        (Array.map 'T.CreateChecked gradient).AsSpan().CopyTo parameter.Gradient.Span

    optimizer.Step rate

let private valuesOf (optimizer: Optimizer<'T>) = [ for parameter in optimizer.Parameters -> floats parameter.Value ]

/// Steps of the optimizer and of its longhand, side by side, along gradients of which some are tiny and some 0.
let private follow (entry: Entry<'T>) constants tolerance steps (random: RandomStream) (extents: int list list) =
    let starts = [ for extents in extents -> normal random extents ]
    let optimizer = entry.Make constants [ for i, start in List.indexed starts -> parameter $"p{i}" start ]
    let values = [ for start in starts -> floats start ]
    let memories = [ for x in values -> [| for _ in x -> Array.zeroCreate<float> 2 |] ]
    let scales = [| 1.0; 1e-7; 1.0; 0.0; 1.0 |]

    for t in 1..steps do
        let rate = 0.1 / float t
        let gradients = [ for x in values -> Array.init x.Length (fun i -> scales[i % 5] * random.NextNormal()) ]

        let before =
            [ for gradient in gradients -> gradient |> Array.map (fun g -> Double.CreateChecked('T.CreateChecked g)) ]

        stepAlong gradients rate optimizer

        for x, g, m in List.zip3 values gradients memories do
            for i in 0 .. x.Length - 1 do
                x[i] <- entry.Longhand constants (float t) rate g[i] x[i] m[i]

        expectClose tolerance (Array.concat (valuesOf optimizer)) (Array.concat values) $"step {t}"

        Expect.equal
            [ for parameter in optimizer.Parameters -> floats parameter.Gradient ]
            before
            "the gradients are as they were"

    Expect.equal optimizer.Steps steps "steps"
    optimizer.ZeroGradients()
    Expect.all optimizer.Parameters (fun parameter -> Array.forall ((=) 0.0) (floats parameter.Gradient)) "cleared"

let private three (entry: Entry<float>) constants =
    entry.Make
        constants
        [
            for i, name in List.indexed [ "weight"; "bias"; "gain" ] ->
                parameter name (normal (RandomStream(1UL + uint64 i)) [ 7 ])
        ]

/// So many steps along gradients that the names and the steps decide, at the rates of their counts; the values after them.
let private after steps rate (optimizer: Optimizer<float>) =
    for step in optimizer.Steps + 1 .. steps do
        optimizer
        |> stepAlong
            [
                for parameter in optimizer.Parameters ->
                    floats (normal (RandomStream(uint64 step).Split parameter.Name) [ 7 ])
            ]
            (rate step)

    valuesOf optimizer

let private falling step = 0.1 / float step

let private refusesRates (make: unit -> Optimizer<float>) =
    for wrong in none do
        let ofGroup = make ()
        ofGroup.AddGroup([ ofGroup.Parameters[2] ], rate = fun _ _ -> wrong)
        let ignored = make ()
        ignored.AddGroup(ignored.Parameters, rate = fun _ _ -> 0.1)

        for optimizer, rate, fragment in
            [
                make (), wrong, "learning rate of 'weight' must be a finite number, 0 or more"
                ofGroup, 0.1, "learning rate of 'gain' must be a finite number, 0 or more"
                ignored, wrong, "learning rate must be a finite number, 0 or more"
            ] do
            let before = valuesOf optimizer
            refusesRange [ fragment ] (fun () -> optimizer.Step rate)
            Expect.equal (optimizer.Steps, valuesOf optimizer) (0, before) "as it was"

/// One parameter of 47 zeros and a gradient of zeros but for one number, and a step.
let private stepOn (make: Parameter<'T> list -> Optimizer<'T>) at (gradient: float) clip =
    let p = parameter "p" (zeros<float> [ 47 ])
    p.Gradient.Span[at] <- 'T.CreateChecked gradient

    if clip then
        GradientClipping.ByGlobalNorm([ p ], 1.0) |> ignore

    (make [ p ]).Step 0.1
    (floats p.Value)[at]

let private catchesWhatIsNotFinite (entry: Entry<'T>) tooLarge =
    let step at gradient clip = stepOn (entry.Make usual) at gradient clip

    for at in [ 0; 17; 46 ] do
        for wrong in [ nan; infinity; -infinity ] do
            refuses<NonFiniteException, _> [ "'p' [47] is not finite"; "as its gradient is not" ] (fun () ->
                step at wrong false)

        match entry.Squares with
        | None -> Expect.isLessThan (step at tooLarge false) 0.0 "moved"
        | Some squares ->
            refuses<NonFiniteException, _> [ $"{squares} of 'p' [47] has overflowed"; "clip gradients" ] (fun () ->
                step at tooLarge false)

        Expect.isLessThan (step at tooLarge true) 0.0 "clipped, it moves"

    let p = parameter "p" (tensor [ 2 ] [ 1.0; infinity ])

    refuses<NonFiniteException, _> [ "'p' [2] is not finite"; "although its gradient is" ] (fun () ->
        (entry.Make usual [ p ]).Step 0.1)

/// Three steps, saved, resumed in another run and seven more come to the bits of ten; another optimizer's state is refused.
let private goesOnToTheBit (make: unit -> Optimizer<float>) (other: Optimizer<float>) =
    Files.withFolder (fun folder ->
        use checkpoints = CheckpointFolder.Open folder
        let settings = readOnlyDict []

        let memoryOf (optimizer: Optimizer<float>) =
            let state = TrainingState()
            state.Add("optimizer", optimizer)
            state

        let stateOf (optimizer: Optimizer<float>) =
            let state = memoryOf optimizer
            state.Add optimizer.Parameters
            state

        let whole, resumed = make (), make ()
        after 3 falling whole |> ignore
        checkpoints.Save("run", settings, stateOf whole)
        Expect.isTrue (checkpoints.Resume("run", settings, stateOf resumed)) "there is a checkpoint"
        Expect.equal resumed.Steps 3 "steps"
        Expect.equal (after 10 falling resumed) (after 10 falling whole) "values"

        checkpoints.Save("other", settings, memoryOf other)
        let fresh = make ()
        let before = valuesOf fresh
        let fragments = [ "'optimizer/"; "missing, superfluous or of another shape"; "resume with the program" ]
        refuses<DataFileException, _> fragments (fun () -> checkpoints.Resume("other", settings, memoryOf fresh))
        Expect.equal (fresh.Steps, valuesOf fresh) (0, before) "as it was")

/// The whole law of an optimizer, in single precision too if it can be had.
let law (entry: Entry<float>) (single: Entry<float32> option) =
    let make () = three entry usual
    let other () = entry.Make usual [ parameter "weight" (zeros<float> [ 8 ]) ]

    testList
        entry.Name
        [
            propertyUpTo
                20
                10
                "50 steps equal the longhand, for lengths that fill vectors and that do not"
                (fun sizes ->
                    let random = sizes.Random
                    follow entry (drawn random) entry.Within 50 random [ [ sizes.Rows; sizes.Columns ]; [ 1 ] ]
                    covers entry.Ids)

            testCase "one step equals it, and so does a long parameter, shared out over the workers" (fun () ->
                follow entry usual 1e-15 1 (RandomStream 1UL) [ [ 5; 7 ] ]
                follow entry usual 1e-12 3 (RandomStream 2UL) [ [ 50_003 ] ])

            testCase "single precision follows it over 50 steps" (fun () ->
                for single in Option.toList single do
                    follow single usual 1e-5 50 (RandomStream 3UL) [ [ 37 ] ])

            testCase "it comes to the bottom of a bowl" (fun () ->
                let p = parameter "p" (normal (RandomStream 4UL) [ 3; 5 ])
                let optimizer = entry.Make { usual with Decay = 0.0 } [ p ]

                for t in 1..500 do
                    // The bowl |θ - 1|² / 2.
                    optimizer
                    |> stepAlong [ Array.map (fun x -> x - 1.0) (floats p.Value) ] (0.3 * (1.0 - float t / 500.0))

                expectClose 0.01 (floats p.Value) (Array.create 15 1.0) "values")

            testCase "at a rate of 0 nothing moves" (fun () ->
                let optimizer = make ()
                let before = after 3 falling optimizer
                Expect.equal (after 4 (fun _ -> 0.0) optimizer) before "values")

            testCase "a rate that is none is refused before anything moves, a group's too" (fun () -> refusesRates make)

            testCase "constants outside their range are refused" (fun () ->
                for fragments, constants in entry.Refused do
                    refusesRange fragments (fun () -> three entry constants))

            testCase "what is not finite is caught, wherever it stands, and clipping helps what is too large" (fun () ->
                catchesWhatIsNotFinite entry 1e200
                Option.iter (fun single -> catchesWhatIsNotFinite single 2e19) single)

            testCase "a step marks what it changes, so that no pass goes back through other numbers" (fun () ->
                let p = parameter "p" (tensor [ 2 ] [ 1.0; 2.0 ])
                let tape = Tape<float>()
                let y = (tape.Constant(tensor [ 1; 1 ] [ 3.0 ])).MatMul((tape.Of p).Reshape(1, 2))
                (entry.Make usual [ p ]).Step 0.1

                refuses<InvalidOperationException, _> [ "was changed" ] (fun () ->
                    tape.Backward(y, tensor [ 1; 2 ] [ 1.0; 1.0 ])))

            testCase
                "saved and resumed, with groups or without, it goes on to the bit; another's state is refused"
                (fun () ->
                    let grouped () =
                        let optimizer = make ()
                        let own = Func<_, _, _>(fun step rate -> rate * Schedule.Linear(step, 10))
                        let decay = if entry.Decays then Nullable 0.0 else Nullable()
                        optimizer.AddGroup([ optimizer.Parameters[1] ], own, decay)
                        optimizer

                    for make in [ make; grouped ] do
                        goesOnToTheBit make (other ()))

            testCase "a group with another rate goes as in an optimizer that is given that rate" (fun () ->
                let grouped = make ()
                let own step = Schedule.Cosine(step, 0.5, 9)
                grouped.AddGroup([ grouped.Parameters[1] ], rate = fun _ rate -> rate / 4.0)
                grouped.AddGroup([ grouped.Parameters[2] ], rate = fun step _ -> own step)
                let alone rate place = List.item place (after 5 rate (make ()))
                let quarter step = falling step / 4.0
                Expect.equal (after 5 falling grouped) [ alone falling 0; alone quarter 1; alone own 2 ] "values"
                let still = make ()
                let before = valuesOf still
                still.AddGroup([ still.Parameters[0] ], rate = fun _ _ -> 0.0)
                Expect.equal (after 3 falling still).Head before.Head "at a rate of 0 it stands still")

            testCase "a group with another decay goes as in an optimizer with that decay, if there is one" (fun () ->
                let grouped = make ()
                let setNone () = grouped.AddGroup(Seq.tail grouped.Parameters, weightDecay = 0.0)

                if entry.Decays then
                    setNone ()

                    let whole, without =
                        after 5 falling (make ()), after 5 falling (three entry { usual with Decay = 0.0 })

                    Expect.equal (after 5 falling grouped) (whole.Head :: without.Tail) "values"
                    Expect.notEqual whole.Tail without.Tail "the decay is felt"
                else
                    refuses<ArgumentException, _> [ "has no weight decay"; "such as AdamW" ] setNone)
        ]

let private isOptimizer (found: Type) =
    let rec inherits (found: Type | null) =
        match found with
        | null -> false
        | found ->
            (found.IsGenericType && found.GetGenericTypeDefinition() = typedefof<Optimizer<float>>)
            || inherits found.BaseType

    not found.IsAbstract && inherits found

/// The names of the optimizers among these classes that no entry begins with.
let missing (classes: Type seq) =
    let held = set [ for entry in (entries (): Entry<float> list) -> (entry.Name.Split ',')[0] ]

    [
        for found in Seq.filter isOptimizer classes do
            let name = (found.Name.Split '`')[0]

            if not (held.Contains name) then
                name
    ]

let argument = "--optimizers"

/// A line for each optimizer: what a parameter that is shared out over the threads comes to, as a digest.
let tell (steps: int) =
    for entry in (entries (): Entry<float32> list) do
        let p = parameter "p" (normal (RandomStream 5UL) [ 50_003 ])
        let optimizer = entry.Make usual [ p ]

        for step in 1..steps do
            optimizer |> stepAlong [ floats (normal (RandomStream(uint64 step)) [ 50_003 ]) ] 0.01

        let values = MemoryMarshal.AsBytes(ReadOnlySpan(p.Value.ToArray()))
        printfn $"{Convert.ToHexString(SHA256.HashData values)} {entry.Name}"

    0

[<Tests>]
let tests =
    testList
        "Optimizers.Law"
        [
            testCase "no optimizer of the core is left out" (fun () ->
                let classes = typeof<Optimizer<float>>.Assembly.GetExportedTypes()
                Expect.isGreaterThan (Seq.length (Seq.filter isOptimizer classes)) 4 "optimizers"
                Expect.equal (missing classes) [] "held to no law; give each an entry")

            for wide, single in List.zip (entries ()) (entries ()) do
                law wide (Some single)

            testList
                "if nothing is said"
                [
                    for entry, constants in defaults ->
                        testCase entry.Name (fun () -> follow entry constants 1e-12 10 (RandomStream 6UL) [ [ 37 ] ])
                ]
        ]
