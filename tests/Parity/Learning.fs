namespace Hybrid.Parity

open System
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open TorchSharp
open TorchSharp.Modules

/// A model with its losses, each of a batch that is drawn anew; it learns by the first.
type Player<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>> = { Model: IModel<'T>; Losses: (Tape<'T> -> Variable<'T>) list }

/// A model in some settings: one player, or those of a game.
type ILearner =
    abstract Settings: string

    abstract Players<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> : RandomStream -> Player<'T> list

/// A classifier of images or rows of so many numbers.
[<AbstractClass>]
type Classifier(settings: obj, features, classes: int) =
    abstract Make<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> : RandomStream -> IClassifier<'T>

    interface ILearner with
        member _.Settings = string settings

        member classifier.Players<'T
            when 'T: (new: unit -> 'T)
            and 'T: struct
            and 'T: unmanaged
            and 'T :> ValueType
            and 'T :> IBinaryFloatingPointIeee754<'T>>
            random
            =
            let model = classifier.Make<'T>(random.Split "weights")

            let loss (tape: Tape<'T>) =
                let x = Numbers.batch<'T> random features
                model.Loss(tape.Constant x, [| for _ in 1 .. x.Shape.Rows -> random.NextBelow classes |])

            [ { Model = model; Losses = [ loss ] } ]

module Learning =
    let private trainingSteps = 20

    /// The losses of one player over all settings of a model, with everything that is recorded on the way.
    let row player name (learners: ILearner list) =
        let draw (learner: ILearner) =
            { new IDraw with
                member _.Draw random =
                    let players = learner.Players random

                    {
                        Inputs = []
                        Models = [ for player in players -> player.Model ]
                        Function =
                            fun tape _ -> players[player].Losses |> List.map (fun loss -> loss tape) |> List.reduce (+)
                        Momentum = BatchNorm<float>.DefaultMomentum
                    }
            }

        Case.row "model" name [ for learner in learners -> { Settings = learner.Settings; Draw = draw learner } ]

    /// An optimizer in both libraries, with its rate.
    type Optimizers = Parameter<float> seq -> Parameter list -> Optimizer<float> * torch.optim.Optimizer * float

    /// With the Transformer's constants.
    let adam: Optimizers =
        fun ours theirs -> Adam<float>.OfTransformer ours, torch.optim.Adam(theirs, 0.001, 0.9, 0.98, 1e-9), 0.001

    /// Gradient descent with momentum and weight decay, as the residual networks of He et al. 2015 are trained.
    let sgd: Optimizers =
        fun ours theirs -> Sgd<float>(ours, 0.9, 1e-4), torch.optim.SGD(theirs, 0.02, 0.9, weight_decay = 1e-4), 0.02

    /// Steps of training from the same start, in double, each player in turn: the worst relative difference of the losses, and of the
    /// running statistics at the end. Torch repeats what we record, by its own parameters, which its own optimizer moves.
    let private train (optimizers: Optimizers) (learner: ILearner) (random: RandomStream) =
        use _ = torch.NewDisposeScope()
        let players = learner.Players<float>(random.Split "players")
        let models = [ for player in players -> player.Model ]
        Case.disturb models random
        let statistics = Replay.Statistics models

        let theirs =
            readOnlyDict
                [
                    for model in models do
                        for parameter in model.Parameters ->
                            parameter :> Variable<float>, new Parameter(Replay.leaf parameter, true)
                ]

        let movers =
            [
                for player in players ->
                    let parameters = player.Model.Parameters
                    player, optimizers parameters [ for parameter in parameters -> theirs[parameter] ]
            ]

        let tape = Tape<float>()

        let leaf x =
            match theirs.TryGetValue x with
            | true, parameter -> parameter :> torch.Tensor
            | _ -> Replay.leaf x

        let move (player: Player<float>, (optimizer: Optimizer<float>, theirOptimizer: torch.optim.Optimizer, rate)) =
            use _ = torch.NewDisposeScope()
            let chance = RandomStream(random.NextBits())

            let loss =
                use _ = tape.Training chance
                player.Losses.Head tape

            optimizer.ZeroGradients()
            tape.Backward(loss, player.Model.Parameters)
            let values = Replay.run Replay.table chance leaf tape
            theirOptimizer.zero_grad ()
            values[loss].backward()
            statistics.Follow BatchNorm<float>.DefaultMomentum tape values
            let ours, theirs = loss.Value.ToScalar(), values[loss].item<float>()
            tape.Clear()
            optimizer.Step rate
            theirOptimizer.step () |> ignore
            abs (ours - theirs) / theirs

        let differences =
            [
                for _ in 1..trainingSteps do
                    for mover in movers -> move mover
            ]

        { Forward = Numbers.worst (statistics.Apart :: differences); Backward = None }

    /// Training over all settings of a model.
    let trainingRow name optimizers (learners: ILearner list) =
        let random = RandomStream(1UL).Split $"training {name}"

        {
            Kind = "training"
            Name = $"{name}, {trainingSteps} steps"
            Cases = learners.Length
            Double =
                learners
                |> List.mapi (fun i learner ->
                    Distance.Of $"training {name}" (i + 1) (fun () ->
                        train optimizers learner (random.Split $"case {i + 1}")))
                |> List.reduce Distance.Worse
            Single = None
            Wrong = []
        }
