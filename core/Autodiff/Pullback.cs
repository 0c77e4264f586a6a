namespace Hybrid.Autodiff;

/// <summary>Adds the vector-Jacobian product of dy into the gradient slots that are wanted.</summary>
/// <param name="dy">Cotangent of the rule's value: the gradient of the final scalar with respect to it, same shape.</param>
/// <param name="gradients">One slot for each input of the rule, in the order in which they were recorded.</param>
public delegate void Pullback<T>(Tensor<T> dy, Gradients<T> gradients) where T : unmanaged, IBinaryFloatingPointIeee754<T>;

/// <summary>The same for a rule of several values.</summary>
/// <param name="dys">A cotangent for each value, same shape; null where none has arrived, which stands for zeros. At least one has.</param>
/// <param name="gradients">One slot for each input of the rule, in the order in which they were recorded.</param>
public delegate void PullbackOfMany<T>(Tensor<T>?[] dys, Gradients<T> gradients) where T : unmanaged, IBinaryFloatingPointIeee754<T>;
