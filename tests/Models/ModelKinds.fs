/// What each kind of model is asked, what it answers, and which losses it has. Examples have numbers and are drawn from them.
module Hybrid.Tests.Models.ModelKinds

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models.EveryModel

/// A loss of the examples of these numbers.
type Loss<'T
    when 'T: unmanaged
    and 'T: struct
    and 'T: (new: unit -> 'T)
    and 'T :> ValueType
    and 'T :> Numerics.IBinaryFloatingPointIeee754<'T>> =
    {
        Name: string
        Of: int list -> Tape<'T> -> Variable<'T>
        /// What answers without information cost.
        Uninformed: float
        /// What it has to fall below, from where it started, when one batch is learned by heart.
        Learned: float -> float
    }

/// A model and what the law asks of it.
type Subject<'T
    when 'T: unmanaged
    and 'T: struct
    and 'T: (new: unit -> 'T)
    and 'T :> ValueType
    and 'T :> Numerics.IBinaryFloatingPointIeee754<'T>> =
    {
        Model: Layer<'T>
        /// The other player of a game, which stays as it is.
        Other: IModel<'T> option
        /// The numbers that examples hold; none if they hold tokens.
        Inputs: int list -> Tensor<'T> list
        /// Its answers to such inputs, the first axis that of the examples; or to the examples of these numbers.
        Answer: int list -> Tape<'T> -> Variable<'T>[] -> Variable<'T>
        Losses: Loss<'T> list
        /// What cannot be asked, with what the refusal must name.
        Refused: (string list * (Tape<'T> -> Variable<'T>)) list
    }

/// Rows of standard normal numbers, one for each example.
let private rows width (examples: int list) : Tensor<'T> =
    let values =
        [
            for n in examples do
                yield! floats (normal (RandomStream(uint64 n)) [ width ])
        ]

    tensor [ examples.Length; width ] (values |> List.map (fun value -> 'T.CreateChecked value))

let private ofRows (model: Layer<'T>) other width (apply: Variable<'T> -> Variable<'T>) losses refused =
    let wider = rows (width + 1) [ 1; 2 ]

    {
        Model = model
        Other = other
        Inputs = fun examples -> [ rows width examples ]
        Answer = fun _ _ x -> apply x[0]
        Losses = losses
        Refused = ([ $"{width}]"; $"[2, {width + 1}]" ], (fun tape -> apply (tape.Constant wider))) :: refused
    }

let private classifier (model: Layer<'T>) (judge: IClassifier<'T>) width =
    let classes = (valueOf [ rows width [ 1 ] ] (fun _ x -> judge.Logits x[0])).Shape.Columns

    let loss (examples: int list) labels (tape: Tape<'T>) = judge.Loss(tape.Constant(rows width examples), labels)
    let ofBatch examples tape = loss examples [| for n in examples -> n % classes |] tape

    ofRows
        model
        None
        width
        judge.Logits
        [ { Name = "cross-entropy"; Of = ofBatch; Uninformed = log (float classes); Learned = fun _ -> 0.05 } ]
        [
            [ "2 rows"; "got 1" ], loss [ 1; 2 ] [| 0 |]
            [ $"{classes} classes"; $"target {classes}" ], loss [ 1; 2 ] [| 0; classes |]
            [ $"{classes} classes"; "target -1" ], loss [ 1; 2 ] [| -1; 0 |]
        ]

/// The other player of a game, of the same kind.
let private generatorFor (model: Layer<'T>) features : IGenerator<'T> =
    match settingsOf model with
    | :? DcganSettings as settings -> DcganGenerator<'T>(settings, RandomStream 7UL)
    | _ -> MlpGenerator<'T>(TinyGan.generatorOf 3 [ 4 ] features ActivationKind.Tanh, RandomStream 7UL)

let private discriminatorFor (model: Layer<'T>) features : IDiscriminator<'T> =
    match settingsOf model with
    | :? DcganSettings as settings -> DcganDiscriminator<'T>(settings, RandomStream 7UL)
    | _ -> MlpDiscriminator<'T>(TinyGan.discriminatorOf features [ 5 ] 2 0.0 0.0, RandomStream 7UL)

let private generator (model: Layer<'T>) (player: IGenerator<'T>) =
    let other = discriminatorFor model player.Features
    let game = Gan(player, other)

    let loss objective uninformed =
        {
            Name = string objective
            Of = fun examples tape -> game.GeneratorLoss(tape, rows player.Noise examples, objective)
            Uninformed = uninformed
            Learned = fun start -> start - 0.02
        }

    ofRows
        model
        (Some(other :> IModel<'T>))
        player.Noise
        player.Generate
        [ loss GeneratorObjective.NonSaturating (log 2.0); loss GeneratorObjective.Saturating -(log 2.0) ]
        []

let private discriminator (model: Layer<'T>) (player: IDiscriminator<'T>) width =
    let other = generatorFor model width
    let game = Gan(other, player)

    let loss (target: float) learned =
        {
            Name = $"data towards {target}"
            Of =
                fun examples tape ->
                    game.DiscriminatorLoss(tape, rows width examples, rows other.Noise examples, target)
            Uninformed = log 4.0
            Learned = fun _ -> learned
        }

    let refused (target: float) =
        [ "[0, 1]"; string target ],
        fun tape -> game.DiscriminatorLoss(tape, rows width [ 1 ], rows other.Noise [ 1 ], target)

    // Of smoothed targets their entropy remains, 0.33 nats.
    ofRows
        model
        (Some(other :> IModel<'T>))
        width
        player.Logits
        [ loss 1.0 0.3; loss 0.9 0.7 ]
        [ refused -0.1; refused 1.1 ]

let private transformer (model: Layer<'T>) (translator: Transformer<'T>) =
    let settings = translator.Settings

    let words vocabulary count (n: int) =
        let random = RandomStream(uint64 n).Split(string vocabulary)
        TinyTransformer.sequence random vocabulary count

    let pairOf n = SequencePair(words settings.SourceVocabulary 3 n, words settings.TargetVocabulary 2 (n + 100))

    let decode (tape: Tape<'T>) sources targets =
        let source = TokenBatch(Array.ofList sources)
        translator.Decode(translator.Encode(tape, source), source, TokenBatch(Array.ofList targets))

    let loss smoothing learned =
        {
            Name = $"smoothing {smoothing}"
            Of = fun examples tape -> translator.Loss(tape, PairBatch [| for n in examples -> pairOf n |], smoothing)
            Uninformed = log (float settings.TargetVocabulary)
            // Without residual connections so small a model is stuck half-way.
            Learned = fun start -> if settings.Residual then learned else start - 0.5
        }

    let long = List.replicate 9 3 |> Array.ofList

    {
        Model = model
        Other = None
        Inputs = fun _ -> []
        Answer =
            fun examples tape _ ->
                let pairs = [ for n in examples -> pairOf n ]
                decode tape [ for pair in pairs -> pair.Source ] [ for pair in pairs -> pair.Target ]
        Losses = [ loss 0.0 0.1; loss 0.1 0.8 ]
        Refused =
            [
                [ "9 tokens"; "8 positions" ], fun tape -> decode tape [ long ] [ [| 1 |] ]
                [ "9 tokens"; "8 positions" ], fun tape -> decode tape [ [| 3 |] ] [ long ]
                [ $"id {settings.SourceVocabulary}"; $"{settings.SourceVocabulary} rows" ],
                fun tape -> decode tape [ [| settings.SourceVocabulary |] ] [ [| 1 |] ]
                [ $"id {settings.TargetVocabulary}"; $"{settings.TargetVocabulary} rows" ],
                fun tape -> decode tape [ [| 3 |] ] [ [| settings.TargetVocabulary |] ]
            ]
    }

/// A model as what it is; a kind that is new says here what it is asked and which losses it has.
let asked (model: Layer<'T>) : Subject<'T> =
    let width () = fst (Option.get (EveryModel.ofRows model))

    match model :> obj with
    | :? IClassifier<'T> as judge -> classifier model judge (width ())
    | :? IGenerator<'T> as player -> generator model player
    | :? IDiscriminator<'T> as player -> discriminator model player (width ())
    | :? Transformer<'T> as translator -> transformer model translator
    | other -> failtestf "%s is of no kind that ModelKinds.asked knows; add it." (other.GetType().Name)

let subject<'T
    when 'T: unmanaged
    and 'T: struct
    and 'T: (new: unit -> 'T)
    and 'T :> ValueType
    and 'T :> Numerics.IBinaryFloatingPointIeee754<'T>>
    (entry: Entry)
    (seed: uint64)
    : Subject<'T> =
    asked (made<'T> entry.Class entry.Settings (RandomStream seed))
