namespace Hybrid.Optimizers;

/// <summary>
/// Changes parameters by their gradients. Reads <see cref="Parameter{T}.Gradient"/> and nothing else of the backward pass.
/// </summary>
/// <remarks>
/// An optimizer of one's own asks for what it remembers with <see cref="State"/> and says in <see cref="Update"/> how one parameter
/// moves. Counting, groups, checking and checkpoints are the same for all and stand here.
/// </remarks>
public abstract class Optimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly List<(string Name, Tensor<T>[] Values)> states = [];

    // By place in Parameters: the group's settings, and its rate of the present step.
    private readonly Group?[] groups;
    private readonly double[] rates;
    private readonly double? decayOfAll;

    /// <summary>Takes the parameters; no step is taken yet.</summary>
    /// <param name="parameters">What to train.</param>
    /// <param name="weightDecay">λ, 0 or more, for an optimizer that heeds <see cref="WeightDecay"/>; null for one that does not.</param>
    /// <exception cref="ArgumentOutOfRangeException">The decay is negative or not finite.</exception>
    protected Optimizer(IEnumerable<Parameter<T>> parameters, double? weightDecay = null)
    {
        Parameters = [.. parameters];
        (groups, rates, decayOfAll) = (new Group?[Parameters.Count], new double[Parameters.Count], Checked(weightDecay));
    }

    /// <summary>What is trained.</summary>
    public IReadOnlyList<Parameter<T>> Parameters { get; }

    /// <summary>Steps taken, the present one included.</summary>
    public int Steps { get; internal set; }

    /// <summary>What it remembers from step to step beside their number, by name; each has the shape of a parameter.</summary>
    internal IEnumerable<(string Name, Tensor<T> Value)> Memory =>
        Parameters.SelectMany((parameter, i) => states.Select(state => ($"{state.Name}/{parameter.Name}", state.Values[i])));

    /// <summary>What the message calls a memory that is not finite although value and gradient are.</summary>
    private protected virtual string Remembered => "what the optimizer remembers of the gradient";

    /// <summary>
    /// Gives some of the parameters settings of their own: no decay for biases and gains, a smaller rate for a part that was trained
    /// before.
    /// </summary>
    /// <param name="members">Which; each is in one group at most, and those in none go on as the optimizer says.</param>
    /// <param name="rate">
    /// Their rate, of the step, counted from 1, and the rate that <see cref="Step"/> is given: <c>(_, rate) => rate / 10</c>, or a
    /// schedule of their own, <c>(step, _) => Schedule.Cosine(step, 0.01, 1000)</c>; null for the rate that is given.
    /// </param>
    /// <param name="weightDecay">Their λ, 0 or more; null for the optimizer's.</param>
    /// <exception cref="ArgumentException">
    /// There is no member, one is not a parameter of the optimizer or is in a group already, or the optimizer knows no decay.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The decay is negative or not finite.</exception>
    public void AddGroup(IEnumerable<Parameter<T>> members, Func<int, double, double>? rate = null, double? weightDecay = null)
    {
        if (weightDecay is not null && decayOfAll is null) throw new ArgumentException(
            $"{GetType().Name.Split('`')[0]} has no weight decay that a group could change; choose one that has, such as AdamW.",
            nameof(weightDecay));
        var group = new Group(rate, Checked(weightDecay));
        int[] places = [.. members.Select(PlaceOf)];
        if (places.Length == 0) throw new ArgumentException("A group needs a parameter; see what chooses its members.", nameof(members));
        foreach (var place in places) groups[place] = group;
    }

    /// <summary>One step with the given learning rate; gradients stay as they are.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The rate, or that of a group, is negative, NaN or infinite; nothing has been changed.
    /// </exception>
    /// <exception cref="NonFiniteException">
    /// A parameter, or what the optimizer remembers of it, is NaN or infinite after the step; those behind it have not been changed.
    /// </exception>
    public void Step(double learningRate)
    {
        for (var i = 0; i < rates.Length; i++)
        {
            rates[i] = groups[i]?.Rate?.Invoke(Steps + 1, learningRate) ?? learningRate;
            if (!(double.IsFinite(rates[i]) && rates[i] >= 0)) throw new ArgumentOutOfRangeException(
                nameof(learningRate), rates[i], $"The learning rate of '{Parameters[i].Name}' must be a finite number, 0 or more.");
        }
        // A group may ignore it.
        Require.That(
            double.IsFinite(learningRate) && learningRate >= 0, learningRate, "The learning rate must be a finite number, 0 or more.");
        Steps++;
        for (var i = 0; i < Parameters.Count; i++)
        {
            Parameters[i].Value.MarkChanged();
            Update(i, Parameters[i], rates[i]);
            if (!IsFinite(i)) ThrowNotFinite(Parameters[i]);
        }
    }

    /// <summary>Sets every gradient to zero, as before each backward pass.</summary>
    public void ZeroGradients()
    {
        foreach (var parameter in Parameters) parameter.ZeroGradient();
    }

    /// <summary>
    /// A memory of the optimizer: a tensor of zeros for each parameter, in their order and of their shapes. Checkpoints keep it as
    /// <c>name/parameter</c>. Ask for it in the constructor, so that no checkpoint lacks it.
    /// </summary>
    /// <param name="name">What is remembered, such as <c>velocity</c>.</param>
    /// <exception cref="ArgumentException">The name is taken already.</exception>
    /// <exception cref="InvalidOperationException">A step has been taken.</exception>
    protected Tensor<T>[] State(string name)
    {
        if (states.Any(state => state.Name == name))
            throw new ArgumentException($"the optimizer remembers '{name}' already; give each memory a name of its own.", nameof(name));
        if (Steps > 0) throw new InvalidOperationException(
            $"'{name}' is asked for after a step, where a checkpoint may lack it; ask for it in the constructor.");
        Tensor<T>[] values = [.. Parameters.Select(parameter => Tensor<T>.Zeros(parameter.Value.Shape))];
        states.Add((name, values));
        return values;
    }

    /// <summary>
    /// Moves the value of one parameter by its gradient, and what is remembered of it. <see cref="Steps"/> counts the present step
    /// already; whether the numbers are finite is checked afterwards.
    /// </summary>
    /// <param name="index">Place of the parameter in <see cref="Parameters"/>, and of its tensors in each <see cref="State"/>.</param>
    /// <param name="parameter">What to move.</param>
    /// <param name="learningRate">α of this step and the parameter's group, finite and 0 or more.</param>
    protected abstract void Update(int index, Parameter<T> parameter, double learningRate);

    /// <summary>λ of the parameter's group, finite and 0 or more.</summary>
    /// <param name="index">Place of the parameter in <see cref="Parameters"/>.</param>
    protected double WeightDecay(int index) => groups[index]?.WeightDecay ?? decayOfAll ?? 0;

    /// <summary>
    /// Whether a parameter and all that is remembered of it are finite after its update; those who know more cheaply say so.
    /// </summary>
    private protected virtual bool IsFinite(int index) =>
        VectorMath.AllFinite<T>(Parameters[index].Value.Span) && states.All(state => VectorMath.AllFinite<T>(state.Values[index].Span));

    private int PlaceOf(Parameter<T> member)
    {
        var place = Parameters.TakeWhile(parameter => parameter != member).Count();
        if (place == Parameters.Count) throw new ArgumentException(
            $"'{member.Name}' is no parameter of this optimizer; pass it to the constructor first.", nameof(member));
        return groups[place] is null ? place : throw new ArgumentException(
            $"'{member.Name}' is in a group already; a parameter has one rate and one decay.", nameof(member));
    }

    private static double? Checked(double? weightDecay) =>
        weightDecay is null or (>= 0 and < double.PositiveInfinity) ? weightDecay : throw new ArgumentOutOfRangeException(
            nameof(weightDecay), weightDecay, "The weight decay must be a finite number, 0 or more.");

    private void ThrowNotFinite(Parameter<T> parameter)
    {
        var isGradientFinite = VectorMath.AllFinite<T>(parameter.Gradient.Span);
        if (isGradientFinite && VectorMath.AllFinite<T>(parameter.Value.Span)) throw new NonFiniteException(
            $"{Remembered} of '{parameter.Name}' {parameter.Value.Shape} has overflowed, so that a weight would never move again; "
            + "its gradient is finite, but too large: clip gradients.");
        var cause = isGradientFinite ? "although its gradient is finite" : "as its gradient is not";
        throw new NonFiniteException($"'{parameter.Name}' {parameter.Value.Shape} is not finite after the update, {cause}.");
    }

    private sealed record Group(Func<int, double, double>? Rate, double? WeightDecay);
}
